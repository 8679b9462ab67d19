// The reference rules by hand: what a programmer writes for one lead, counts given. The two rule engines share its lists.
export const northAmerica = ['US', 'CA', 'MX'];
export const europe = ['GB', 'IE', 'FR', 'DE', 'NL', 'BE', 'LU', 'ES', 'PT', 'IT', 'AT', 'CH', 'DK', 'SE', 'NO', 'FI'];
export const australiaNz = ['AU', 'NZ'];
export const restOfApac = ['SG', 'JP', 'HK'];
export const supported = [...northAmerica, ...europe, ...australiaNz, ...restOfApac];
export const freemail = ['gmail.com', 'yahoo.com', 'hotmail.com'];
export const targetDomains = ['bigbank.example', 'megaretail.example'];
export const once = {
  demo_request: 50, contact_sales: 40, free_trial: 40, pricing_page_view: 30, email_reply: 25, webinar_attended: 20,
  case_study_download: 15, product_page_view: 10, blog_read: 5, newsletter_signup: 5, whitepaper_download: 5, website_visit: 2,
};
export const flags = {
  'Target account': 'Target Account', Enterprise: 'Hot Lead', 'Hot but size unknown': 'Hot Lead', 'Mid-market': 'Warm Lead',
  Referral: 'Referral', Unqualified: 'Unqualified',
};

export const within = (lo, value, hi) => Math.max(lo, Math.min(hi, value));
export const completenessOf = (nFilled) => Math.round((100 * nFilled) / 6);
export const decayed = (points, idleDays) => {
  if (idleDays === null || idleDays >= 90) return 0;
  return idleDays >= 60 ? (points + 1) >> 1 : points;
};
export const gradeOf = (disqualifiedBy, total) => {
  if (disqualifiedBy) return 'disqualified';
  return total >= 80 ? 'hot' : total >= 60 ? 'warm' : total >= 40 ? 'cool' : 'cold';
};

const industryPoints = { b2b_saas: 20, tech: 20, professional_services: 20, manufacturing: 10, healthcare: 10, nonprofit: -50, government: -50 };
const seniorityPoints = { c_suite: 30, vp: 25, director: 20, manager: 10, ic: 5, student: -20, intern: -20 };
const countryPoints = Object.fromEntries([
  ...northAmerica.map((code) => [code, 10]), ...europe.map((code) => [code, 10]), ...australiaNz.map((code) => [code, 5]),
  ...restOfApac.map((code) => [code, 0]),
]);
const outOfScope = new Set(['nonprofit', 'government', 'education']);
const notBuyers = new Set(['student', 'intern', 'agency']);
const freemailSet = new Set(freemail);
const targets = new Set(targetDomains);
const regained = new Set(['competitor', 'timing', 'budget']);

function sizePoints(employees) {
  if (employees === null || employees < 1) return 0;
  if (employees <= 10) return -10;
  if (employees <= 50) return 10;
  if (employees <= 200) return 25;
  return employees <= 500 ? 20 : 10;
}

function eventPoints(counts) {
  let points = Math.min(2 * counts.email_open, 10) + Math.min(5 * counts.email_click, 20) + (counts.website_visit >= 5 ? 15 : 0);
  for (const event in once) if (counts[event] > 0) points += once[event];
  return points;
}

function disqualifierOf(lead) {
  if (lead.employees !== null && lead.employees < 10) return 'Too small';
  if (outOfScope.has(lead.industry)) return 'Out-of-scope industry';
  if (lead.country !== null && !(lead.country in countryPoints)) return 'Unsupported country';
  if (notBuyers.has(lead.seniority)) return 'Not a buyer';
  return freemailSet.has(lead.email_domain) ? 'Personal email' : null;
}

function routeOf(lead, total, disqualifiedBy) {
  const { employees } = lead;
  if (lead.has_open_opportunity) return 'Already in a deal';
  if (disqualifiedBy) return 'Disqualified';
  if (targets.has(lead.domain)) return 'Target account';
  if (employees !== null) {
    if (total >= 80 && employees >= 200) return 'Enterprise';
    if (total >= 60 && employees >= 50 && employees <= 200) return 'Mid-market';
    if (total >= 60 && employees < 50) return 'SMB';
  }
  if (lead.source === 'referral') return 'Referral';
  if (total < 60) return total >= 40 ? 'Not ready yet' : 'Unqualified';
  return total >= 80 ? 'Hot but size unknown' : 'Warm but outside the size bands';
}

function recycleOf(lead) {
  if (regained.has(lead.lost_reason) && lead.lost_days >= 180 && lead.lost_days <= 365) return 'Second look at a lost deal';
  if (lead.job_change_days !== null && lead.job_change_days <= 30) return 'Champion changed jobs';
  return lead.company_news_days !== null && lead.company_news_days <= 30 ? 'Company is moving' : null;
}

function judge(lead) {
  const fit = within(0, sizePoints(lead.employees) + (industryPoints[lead.industry] ?? 0) + (seniorityPoints[lead.seniority] ?? 0)
    + (lead.country === null ? 0 : countryPoints[lead.country] ?? -20), 100);
  const engagement = decayed(within(0, eventPoints(lead.counts), 100), lead.idle_days);
  const total = within(0, fit + engagement, 100);
  const disqualifiedBy = disqualifierOf(lead);
  const route = routeOf(lead, total, disqualifiedBy);
  return {
    fit, engagement, total, completeness: completenessOf(lead.n_filled), grade: gradeOf(disqualifiedBy, total),
    disqualified_by: disqualifiedBy, route, flag: flags[route] ?? null, recycle: recycleOf(lead),
  };
}

export function makeEngine() {
  return { version: process.version, judge };
}
