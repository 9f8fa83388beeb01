import { useState } from 'preact/hooks';
import { usePage } from '../context.ts';
import { bytesText, rateText, type FlowRate } from '../flow.ts';
import { FlowGraph } from './flow-graph.tsx';

/** Who says how much to whom: a graph of components, and every kind of message as a table. */
export function Messages() {
  const { store } = usePage('flow');
  const [only, setOnly] = useState<string>();
  const [service, setService] = useState(false);
  const rates = store.flow.rates().filter((r) => service || !isService(r));
  const shown = rates
    .filter((r) => only === undefined || r.from === only || r.to === only)
    .sort((a, b) => b.rate - a.rate || b.total - a.total || text(a).localeCompare(text(b)));
  const sum = (of: (r: FlowRate) => number): number => shown.reduce((n, r) => n + of(r), 0);
  return (
    <div class="messages-page">
      <section class="panel" aria-labelledby="flow-title">
        <div class="panel-head">
          <h1 id="flow-title">Messages between components</h1>
          <p class="quiet">
            <span class="number">{rateText(sum((r) => r.rate))}</span> messages/s,{' '}
            <span class="number">{bytesText(sum((r) => r.bytesRate))}</span>/s
            {only === undefined ? '' : ` from and to ${only}`}
          </p>
          <div class="panel-end">
            <label class="check">
              <input type="checkbox" checked={service} onChange={(event) => setService(event.currentTarget.checked)} />
              Beats and inspection too
            </label>
            {only !== undefined && (
              <button type="button" class="button" onClick={() => setOnly(undefined)}>
                Show all
              </button>
            )}
          </div>
        </div>
        {rates.length === 0 ? (
          <p class="empty">No message has been counted yet.</p>
        ) : (
          <FlowGraph rates={rates} selected={only} onSelect={(name) => setOnly(name === only ? undefined : name)} />
        )}
      </section>
      <section class="panel" aria-labelledby="kinds-title">
        <div class="panel-head">
          <h2 id="kinds-title">By subject</h2>
          <span class="quiet">rates are means of the last seconds</span>
        </div>
        <div class="table-scroll" tabindex={0} role="region" aria-label="Table of messages">
          <table class="table">
            <caption class="unseen">Messages by sender, receiver and subject, busiest first</caption>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Subject</th>
                <th scope="col" class="right">
                  Messages/s
                </th>
                <th scope="col" class="right">
                  Bytes/s
                </th>
                <th scope="col" class="right">
                  Messages
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((r) => (
                <tr key={text(r)} class={r.rate === 0 ? 'untaken' : ''}>
                  <td>{r.from}</td>
                  <td>{r.to}</td>
                  <td>{r.kind}</td>
                  <td class="right number">{rateText(r.rate)}</td>
                  <td class="right number">{bytesText(r.bytesRate)}</td>
                  <td class="right number">{r.total.toLocaleString('en')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  );
}
/** What the cluster would not say if nobody looked, and what it says to all. */
const isService = (r: FlowRate): boolean =>
  r.to === 'all' || r.from === 'console' || r.to === 'console' || r.kind === 'beat';
const text = (r: FlowRate): string => `${r.from} ${r.to} ${r.kind}`;
