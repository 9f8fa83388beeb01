import type { ChaosResult } from './run.ts';
import { resumptionsOf, summarize } from './summary.ts';
import { REPORT_STYLE } from './report-style.ts';

const WIDTH = 1_100;
const LEFT = 230;
const ROW = 18;

/** One page, self-contained: what was done, what clients and watchers lived through, who led, what was wrong. */
export function reportOf(results: readonly ChaosResult[]): string {
  const failed = results.filter(({ violations }) => violations.length > 0);
  const verdict =
    failed.length === 0
      ? `No violation in ${results.length} ${results.length === 1 ? 'run' : 'runs'}`
      : `Violations in ${failed.length} of ${results.length} ${results.length === 1 ? 'run' : 'runs'}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kubus chaos: ${verdict}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>kubus chaos</h1>
<p class="${failed.length === 0 ? 'good' : 'bad'}">${failed.length === 0 ? '✓' : '✗'} ${verdict}</p>
${overview(results)}
${results.map(section).join('\n')}
</main>
</body>
</html>
`;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const ms = (n: number | undefined): string => (n === undefined ? 'never' : `${Math.round(n)} ms`);

function overview(results: readonly ChaosResult[]): string {
  const rows = results.map(summarize).map(
    (
      s,
    ) => `<tr><th scope="row"><a href="#seed-${s.seed}">${s.seed}</a></th><td>${s.faults.length}</td><td>${s.operations}</td>
<td>${s.acknowledged}</td><td>${s.unanswered}</td><td>${ms(s.longestWriteGapMs)}</td><td>${s.watches.resumed}</td>
<td>${ms(s.watches.longestGapMs)}</td><td>${s.leaders}</td><td>${ms(s.convergedMs)}</td><td>${s.violations.length}</td></tr>`,
  );
  return `<div class="scroll" tabindex="0" role="region" aria-label="All runs"><table>
<thead><tr><th scope="col">seed</th><th scope="col">faults</th><th scope="col">operations</th><th scope="col">writes acknowledged</th>
<th scope="col">without an answer</th><th scope="col">longest time without a write</th><th scope="col">watches resumed</th>
<th scope="col">slowest resumption</th><th scope="col">terms of leaders</th><th scope="col">all well again after</th><th scope="col">violations</th></tr></thead>
<tbody>${rows.join('')}</tbody></table></div>`;
}

function section(result: ChaosResult): string {
  const summary = summarize(result);
  const violations = result.violations
    .map(
      (v) =>
        `<li><strong>${v.check}</strong>: ${escape(v.message)}${v.facts.length > 0 ? `<ul>${v.facts.map((fact) => `<li><code>${escape(fact)}</code></li>`).join('')}</ul>` : ''}</li>`,
    ) // prettier-ignore
    .join('');
  const faults = summary.faults
    .map(
      (f) =>
        `<tr><td>${(f.atMs / 1_000).toFixed(1)} s</td><td>${f.kind}</td><td>${escape(f.members.join(', '))}</td><td>${ms(f.forMs)}</td><td>${ms(f.nextReadMs)}</td><td>${ms(f.nextWriteMs)}</td></tr>`,
    ) // prettier-ignore
    .join('');
  return `<section aria-labelledby="seed-${result.seed}">
<h2 id="seed-${result.seed}">Seed ${result.seed}</h2>
${violations === '' ? '' : `<h3>Violations</h3><ul class="bad">${violations}</ul>`}
<figure>${timeline(result)}
<figcaption>Operations: a bar from request to answer, blue where it was done or refused for a reason, red where no answer came.
Watchers: a dot for each event, a bar while no watch was open. Leaders: a bar from the first to the last effect of each term.</figcaption></figure>
<div class="scroll" tabindex="0" role="region" aria-label="Faults of seed ${result.seed}"><table><thead><tr><th scope="col">at</th><th scope="col">fault</th><th scope="col">of</th><th scope="col">for</th>
<th scope="col">next read</th><th scope="col">next write</th></tr></thead><tbody>${faults}</tbody></table></div>
<p>Latency of answers: p50 ${ms(summary.latencyMs.p50)}, p99 ${ms(summary.latencyMs.p99)}, longest ${ms(summary.latencyMs.max)}.
${summary.watches.events} watch events, ${summary.watches.resumed} resumptions.${summary.kubectl.commands > 0 ? ` ${summary.kubectl.commands} kubectl commands, tried again ${summary.kubectl.repeated} times, the longest took ${ms(summary.kubectl.longestMs)}.` : ''}</p>
</section>`;
}

/** Rows of marks over one axis of time. */
function timeline(result: ChaosResult): string {
  const { began, ended } = result;
  const span = Math.max(1, ended - began);
  const x = (at: number): number => LEFT + (Math.min(Math.max(at - began, 0), span) / span) * (WIDTH - LEFT - 10);
  const rows: { readonly label: string; readonly marks: string }[] = [];
  const bar = (kind: string, from: number, to: number, title: string): string =>
    `<rect class="${kind}" x="${x(from).toFixed(1)}" y="3" width="${Math.max(1, x(to) - x(from)).toFixed(1)}" height="${ROW - 6}"><title>${escape(title)}</title></rect>`;
  const dot = (at: number): string =>
    `<circle class="event" cx="${x(at).toFixed(1)}" cy="${ROW / 2}" r="1.5"></circle>`;
  for (const [member, faults] of Map.groupBy(
    result.faults.flatMap((fault) => fault.members.map((member) => ({ member, fault }))),
    (one) => one.member,
  ))
    rows.push({
      label: member,
      marks: faults.map(({ fault }) => bar('fault', fault.from, Math.min(fault.to, ended), `${fault.kind}, ${fault.forMs} ms`)).join(''), // prettier-ignore
    });
  for (const [lease, reigns] of Map.groupBy(timesOf(result), ({ term }) => term.lease))
    rows.push({
      label: lease.replace('kube-system/', ''),
      marks: reigns.map((r, i) => bar(i % 2 === 0 ? 'term' : 'term next', r.fromAt, r.toAt, `${r.term.holder}, term ${r.term.transitions}, ${r.effects} effects`)).join(''), // prettier-ignore
    });
  for (const [client, operations] of Map.groupBy(result.operations, (operation) => operation.client))
    rows.push({
      label: client,
      marks: operations.map((o) => bar(o.outcome.kind === 'unknown' ? 'lost' : 'done', o.invokedAt, o.returnedAt, `${o.ask.kind} ${o.key}: ${o.outcome.kind}, ${Math.round(o.returnedAt - o.invokedAt)} ms`)).join(''), // prettier-ignore
    });
  if (result.commands.length > 0)
    rows.push({
      label: 'kubectl',
      marks: result.commands.map((c) => bar(c.failures.length > 0 ? 'lost' : 'done', c.from, c.to, `${c.what}, ${Math.round(c.to - c.from)} ms${c.failures.map((f) => `; tried again after: ${f}`).join('')}`)).join(''), // prettier-ignore
    });
  for (const watcher of result.watchers)
    rows.push({
      label: watcher.watcher,
      marks:
        watcher.items.map((item) => (item.kind === 'event' ? dot(item.at) : '')).join('') +
        resumptionsOf(watcher).map(({ from, to, server }) => bar('gap', from, to, `resumed at ${server}`)).join(''), // prettier-ignore
    });
  const seconds = span / 1_000;
  const every = [1, 2, 5, 10, 30, 60, 300].find((n) => seconds / n <= 12) ?? 600;
  const ticks = Array.from({ length: Math.floor(seconds / every) + 1 }, (_, i) => {
    const at = x(began + i * every * 1_000).toFixed(1);
    return `<line class="tick" x1="${at}" x2="${at}" y1="20" y2="${rows.length * ROW + 24}"></line><text x="${at}" y="14" text-anchor="middle">${i * every} s</text>`;
  }).join('');
  const body = rows
    .map(
      ({ label, marks }, i) =>
        `<g transform="translate(0 ${i * ROW + 24})"><text x="${LEFT - 8}" y="${ROW - 5}" text-anchor="end">${escape(label)}</text>${marks}</g>`,
    ) // prettier-ignore
    .join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="Timeline of seed ${result.seed}"><svg role="img" aria-label="Timeline; its facts are in the table below" viewBox="0 0 ${WIDTH} ${rows.length * ROW + 30}" width="${WIDTH}">${ticks}${body}</svg></div>`;
}

/** Terms have revisions; the writes of the workload tell when those were. */
function timesOf(result: ChaosResult): (ChaosResult['reigns'][number] & { fromAt: number; toAt: number })[] {
  const known = result.operations
    .flatMap(({ outcome, returnedAt }) =>
      outcome.kind === 'done' && outcome.revision !== undefined ? [{ revision: outcome.revision, at: returnedAt }] : [],
    )
    .sort((a, b) => a.revision - b.revision);
  const at = (revision: number): number => known.find((one) => one.revision >= revision)?.at ?? result.ended;
  return result.reigns.map((reign) => ({ ...reign, fromAt: at(reign.from), toAt: at(reign.to) }));
}
