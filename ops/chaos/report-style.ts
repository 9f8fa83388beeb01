/** Of the report: light and dark as the reader's system says, no font or image from elsewhere. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fcfcfd; --line: #d0d4da; --soft: #5b6270; --done: #2166c4; --lost: #c4262e; --fault: #b35c00; --term: #1f7a4d; --next: #6d4bb3; --gap: #c4262e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #15181c; --line: #3a4049; --soft: #a3abb8; --done: #6aa5f2; --lost: #ff7b7b; --fault: #f0a04b; --term: #5cc48f; --next: #b197f0; --gap: #ff7b7b; } }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 1160px; margin: 0 auto; padding: 24px; }
h1, h2, h3 { line-height: 1.2; }
.good { color: var(--term); font-weight: 600; }
.bad { color: var(--lost); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: bottom; }
thead th { font-weight: 500; color: var(--soft); }
a { color: var(--done); }
figure { margin: 16px 0; }
figcaption { color: var(--soft); font-size: 13px; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.tick { stroke: var(--line); }
.done { fill: var(--done); opacity: 0.75; }
.lost { fill: var(--lost); }
.fault { fill: var(--fault); }
.term { fill: var(--term); }
.term.next { fill: var(--next); }
.gap { fill: none; stroke: var(--gap); }
.event { fill: var(--done); }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
`;
