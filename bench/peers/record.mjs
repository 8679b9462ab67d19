// One engine over a sample of leads, one lead at a time: node record.mjs ENGINE SAMPLE.ndjson OUT.csv SECONDS
// Prints {"leads": .., "seconds": .., "version": ..}: whole rounds over the sample until the time is up. OUT.csv is what the first round said.
// npm packages are found under $ASSAY_PEERS_MODULES.
import { readFileSync, writeFileSync } from 'node:fs';

const [, , name, samplePath, outPath, secondsText] = process.argv;
const engines = { javascript: './record_javascript.mjs', zen: './record_zen.mjs', 'json-rules-engine': './record_json_rules.mjs' };
const { makeEngine } = await import(engines[name]);
const { version, judge } = await makeEngine();
const leads = readFileSync(samplePath, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));

const columns = ['lead_id', 'fit', 'engagement', 'total', 'completeness', 'grade', 'disqualified_by', 'route', 'flag', 'recycle'];
const lines = [columns.join(',')];
for (const lead of leads) {
  // Engines whose answer is no promise are not made to wait for one.
  const answer = judge(lead);
  const verdict = answer instanceof Promise ? await answer : answer;
  verdict.lead_id = lead.lead_id;
  lines.push(columns.map((column) => verdict[column] ?? '').join(','));
}
writeFileSync(outPath, lines.join('\n') + '\n');

const enoughMs = 1000 * Number(secondsText);
const start = performance.now();
let judged = 0, tookMs = 0, checksum = 0;
while (tookMs < enoughMs) {
  for (const lead of leads) {
    const answer = judge(lead);
    checksum += (answer instanceof Promise ? await answer : answer).total;
  }
  judged += leads.length;
  tookMs = performance.now() - start;
}
console.log(JSON.stringify({ leads: judged, seconds: tookMs / 1000, version, checksum }));
