// The reference rules in json-rules-engine: every line of a table is a rule whose event carries points or a name. It adds nothing up, so
// a few lines of JavaScript do, between an engine for the points and one for what follows from the scores.
import { createRequire } from 'node:module';
import {
  australiaNz, completenessOf, decayed, europe, flags, freemail, gradeOf, northAmerica, once, supported, targetDomains, within,
} from './record_javascript.mjs';

const require = createRequire(process.env.ASSAY_PEERS_MODULES + '/');
const test = (fact, operator, value, path) => ({ fact, operator, value, ...(path && { path }) });
const all = (...tests) => ({ all: tests });
const between = (fact, lo, hi) => [test(fact, 'greaterThanInclusive', lo), test(fact, 'lessThanInclusive', hi)];
const known = (fact) => test(fact, 'notEqual', null);
const count = (event, atLeast) => all(test('counts', 'greaterThanInclusive', atLeast, `$.${event}`));

const fitRules = [
  [all(...between('employees', 1, 10)), -10], [all(...between('employees', 11, 50)), 10], [all(...between('employees', 51, 200)), 25],
  [all(...between('employees', 201, 500)), 20], [all(test('employees', 'greaterThanInclusive', 501)), 10],
  [all(test('industry', 'in', ['b2b_saas', 'tech', 'professional_services'])), 20],
  [all(test('industry', 'in', ['manufacturing', 'healthcare'])), 10], [all(test('industry', 'in', ['nonprofit', 'government'])), -50],
  [all(test('seniority', 'equal', 'c_suite')), 30], [all(test('seniority', 'equal', 'vp')), 25],
  [all(test('seniority', 'equal', 'director')), 20], [all(test('seniority', 'equal', 'manager')), 10],
  [all(test('seniority', 'equal', 'ic')), 5], [all(test('seniority', 'in', ['student', 'intern'])), -20],
  [all(test('country', 'in', [...northAmerica, ...europe])), 10], [all(test('country', 'in', australiaNz)), 5],
  [all(known('country'), test('country', 'notIn', supported)), -20],
];
// Caps as steps: each open gives 2 up to 5 of them.
const engagementRules = [
  ...Object.entries(once).map(([event, points]) => [count(event, 1), points]),
  ...[1, 2, 3, 4, 5].map((n) => [count('email_open', n), 2]), ...[1, 2, 3, 4].map((n) => [count('email_click', n), 5]),
  [count('website_visit', 5), 15],
];
const disqualifiers = [
  [all(known('employees'), test('employees', 'lessThan', 10)), 'Too small'],
  [all(test('industry', 'in', ['nonprofit', 'government', 'education'])), 'Out-of-scope industry'],
  [all(known('country'), test('country', 'notIn', supported)), 'Unsupported country'],
  [all(test('seniority', 'in', ['student', 'intern', 'agency'])), 'Not a buyer'],
  [all(test('email_domain', 'in', freemail)), 'Personal email'],
];
const total = (operator, value) => test('total', operator, value);
const routes = [
  [all(test('has_open_opportunity', 'equal', true)), 'Already in a deal'],
  [all(test('is_disqualified', 'equal', true)), 'Disqualified'],
  [all(test('domain', 'in', targetDomains)), 'Target account'],
  [all(total('greaterThanInclusive', 80), test('employees', 'greaterThanInclusive', 200)), 'Enterprise'],
  [all(total('greaterThanInclusive', 60), ...between('employees', 50, 200)), 'Mid-market'],
  [all(total('greaterThanInclusive', 60), known('employees'), test('employees', 'lessThan', 50)), 'SMB'],
  [all(test('source', 'equal', 'referral')), 'Referral'],
  [all(total('greaterThanInclusive', 40), total('lessThan', 60)), 'Not ready yet'],
  [all(total('lessThan', 40)), 'Unqualified'],
  [all(total('greaterThanInclusive', 80)), 'Hot but size unknown'],
  [all(total('greaterThanInclusive', 0)), 'Warm but outside the size bands'],
];
const recycles = [
  [all(test('lost_reason', 'in', ['competitor', 'timing', 'budget']), ...between('lost_days', 180, 365)), 'Second look at a lost deal'],
  [all(known('job_change_days'), test('job_change_days', 'lessThanInclusive', 30)), 'Champion changed jobs'],
  [all(known('company_news_days'), test('company_news_days', 'lessThanInclusive', 30)), 'Company is moving'],
];

export async function makeEngine() {
  const { Engine } = require('json-rules-engine');
  const points = new Engine([], { allowUndefinedFacts: true });
  for (const [type, rules] of [['fit', fitRules], ['engagement', engagementRules]])
    for (const [conditions, its] of rules) points.addRule({ conditions, event: { type, params: { points: its } } });
  const disqualify = new Engine([], { allowUndefinedFacts: true });
  const follow = new Engine([], { allowUndefinedFacts: true });
  const addInOrder = (engine, type, rules) =>
    rules.forEach(([conditions, name], place) => engine.addRule({ conditions, event: { type, params: { name, place } } }));
  addInOrder(disqualify, 'disqualified_by', disqualifiers);
  addInOrder(follow, 'route', routes);
  addInOrder(follow, 'recycle', recycles);

  const first = (events, type) => {
    let found = null;
    for (const event of events) if (event.type === type && (found === null || event.params.place < found.place)) found = event.params;
    return found === null ? null : found.name;
  };
  const judge = async (lead) => {
    const sums = { fit: 0, engagement: 0 };
    for (const event of (await points.run(lead)).events) sums[event.type] += event.params.points;
    const fit = within(0, sums.fit, 100);
    const engagement = decayed(within(0, sums.engagement, 100), lead.idle_days);
    const totalPoints = within(0, fit + engagement, 100);
    const disqualifiedBy = first((await disqualify.run(lead)).events, 'disqualified_by');
    const { events } = await follow.run({ ...lead, total: totalPoints, is_disqualified: disqualifiedBy !== null });
    const route = first(events, 'route');
    return {
      fit, engagement, total: totalPoints, completeness: completenessOf(lead.n_filled), grade: gradeOf(disqualifiedBy, totalPoints),
      disqualified_by: disqualifiedBy, route, flag: flags[route] ?? null, recycle: first(events, 'recycle'),
    };
  };
  return { version: require('json-rules-engine/package.json').version, judge };
}
