// The reference rules as a GoRules ZEN decision: decision tables and expressions in one graph, evaluated once a lead.
import { createRequire } from 'node:module';
import { australiaNz, europe, flags, freemail, northAmerica, once, restOfApac, supported, targetDomains } from './record_javascript.mjs';

const require = createRequire(process.env.ASSAY_PEERS_MODULES + '/');
const listed = (texts) => `[${texts.map((text) => `'${text}'`).join(', ')}]`;
const either = (texts) => texts.map((text) => `'${text}'`).join(', ');

let lastId = 0;
const node = (type, name, content) => ({ id: `n${++lastId}`, type, name, position: { x: 0, y: 0 }, content });

// A table over one field: [test, points], the first line that fits.
const pointsTable = (name, field, output, lines) => node('decisionTableNode', name, {
  hitPolicy: 'first', passThrough: true, inputs: [{ id: 'test', name: field, field }], outputs: [{ id: 'points', name: output, field: output }],
  rules: [...lines, ['', 0]].map(([test, points], i) => ({ _id: `r${i}`, test, points: String(points) })),
});
// A table of whole conditions: [condition, text], the first that is true.
const choiceTable = (name, output, lines) => node('decisionTableNode', name, {
  hitPolicy: 'first', passThrough: true, inputs: [{ id: 'when', name: 'when' }], outputs: [{ id: 'then', name: output, field: output }],
  rules: [...lines, ['', null]].map(([when, then], i) => ({ _id: `r${i}`, when, then: then === null ? 'null' : `'${then}'` })),
});
const expressions = (name, pairs) => node('expressionNode', name, {
  passThrough: true, expressions: Object.entries(pairs).map(([key, value], i) => ({ id: `e${i}`, key, value })),
});

const eventPoints = [
  ...Object.entries(once).map(([event, points]) => `(counts.${event} > 0 ? ${points} : 0)`),
  'min([2 * counts.email_open, 10])', 'min([5 * counts.email_click, 20])', '(counts.website_visit >= 5 ? 15 : 0)',
].join(' + ');

const hasSize = 'employees != null';
const steps = [
  pointsTable('Company size', 'employees', 'size_points', [
    ['null', 0], ['[1..10]', -10], ['[11..50]', 10], ['[51..200]', 25], ['[201..500]', 20], ['>= 501', 10]]),
  pointsTable('Industry', 'industry', 'industry_points', [
    [either(['b2b_saas', 'tech', 'professional_services']), 20], [either(['manufacturing', 'healthcare']), 10],
    [either(['nonprofit', 'government']), -50]]),
  pointsTable('Seniority', 'seniority', 'seniority_points', [
    ["'c_suite'", 30], ["'vp'", 25], ["'director'", 20], ["'manager'", 10], ["'ic'", 5], [either(['student', 'intern']), -20]]),
  pointsTable('Geography', 'country', 'country_points', [
    ['null', 0], [either(northAmerica), 10], [either(europe), 10], [either(australiaNz), 5], [either(restOfApac), 0],
    ["!= ''", -20]]),
  expressions('Scores', {
    fit: 'max([0, min([100, size_points + industry_points + seniority_points + country_points])])',
    event_points: `min([100, ${eventPoints}])`,
    engagement: 'idle_days == null or idle_days >= 90 ? 0 : idle_days >= 60 ? floor(($.event_points + 1) / 2) : $.event_points',
    total: 'min([100, $.fit + $.engagement])',
    completeness: 'round(100 * n_filled / 6)',
  }),
  choiceTable('Disqualify', 'disqualified_by', [
    [`${hasSize} and employees < 10`, 'Too small'],
    ["industry in ['nonprofit', 'government', 'education']", 'Out-of-scope industry'],
    [`country != null and country not in ${listed(supported)}`, 'Unsupported country'],
    ["seniority in ['student', 'intern', 'agency']", 'Not a buyer'],
    [`email_domain in ${listed(freemail)}`, 'Personal email']]),
  choiceTable('Grade', 'grade', [
    ['disqualified_by != null', 'disqualified'], ['total >= 80', 'hot'], ['total >= 60', 'warm'], ['total >= 40', 'cool'], ['true', 'cold']]),
  choiceTable('Route', 'route', [
    ['has_open_opportunity', 'Already in a deal'],
    ['disqualified_by != null', 'Disqualified'],
    [`domain in ${listed(targetDomains)}`, 'Target account'],
    [`total >= 80 and ${hasSize} and employees >= 200`, 'Enterprise'],
    [`total >= 60 and ${hasSize} and employees >= 50 and employees <= 200`, 'Mid-market'],
    [`total >= 60 and ${hasSize} and employees < 50`, 'SMB'],
    ["source == 'referral'", 'Referral'],
    ['total >= 40 and total < 60', 'Not ready yet'],
    ['total < 40', 'Unqualified'],
    ['total >= 80', 'Hot but size unknown'],
    ['true', 'Warm but outside the size bands']]),
  choiceTable('Flag', 'flag', Object.entries(flags).map(([route, flag]) => [`route == '${route}'`, flag])),
  choiceTable('Recycle', 'recycle', [
    ["lost_reason in ['competitor', 'timing', 'budget'] and lost_days >= 180 and lost_days <= 365", 'Second look at a lost deal'],
    ['job_change_days != null and job_change_days <= 30', 'Champion changed jobs'],
    ['company_news_days != null and company_news_days <= 30', 'Company is moving']]),
];

export async function makeEngine() {
  const { ZenEngine } = require('@gorules/zen-engine');
  const nodes = [node('inputNode', 'lead'), ...steps, node('outputNode', 'verdict')];
  const edges = nodes.slice(1).map((to, i) => ({ id: `edge${i}`, type: 'edge', sourceId: nodes[i].id, targetId: to.id }));
  const decision = new ZenEngine().createDecision(Buffer.from(JSON.stringify({ nodes, edges })));
  const judge = async (lead) => (await decision.evaluate(lead)).result;
  return { version: require('@gorules/zen-engine/package.json').version, judge };
}
