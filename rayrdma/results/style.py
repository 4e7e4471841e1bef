"""The look of the table's page: one sheet, no resource from anywhere else, light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d1f21; --quiet: #686d73; --rule: #dcdcd6; --shade: #f4f4ef;
  --good: #1f7a4d; --bad: #b3261e; --mark: #2b5c8a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e4e5e7; --quiet: #989da4; --rule: #33373c; --shade: #1d2024;
    --good: #62c493; --bad: #f2887f; --mark: #7db3e4;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3rem 2rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
}
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; text-wrap: balance; }
h2 { margin: 3.5rem 0 0.4rem; font-size: 1.2rem; font-weight: 650; }
h3 { margin: 2.2rem 0 0.2rem; font-size: 1rem; font-weight: 650; }
p { margin: 0.4rem 0; max-width: 46rem; }
.lead { margin-top: 0.7rem; color: var(--quiet); }
.verdict { margin-top: 1.1rem; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .quiet { color: var(--quiet); }
code { font: 0.88em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 0.8rem 0; padding: 0.9rem 1.1rem; white-space: pre-wrap; background: var(--shade); border-radius: 6px; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0 0; }
th, td { padding: 0.5rem 1.4rem 0.5rem 0; text-align: left; vertical-align: top; font-weight: 400; }
thead th { padding-bottom: 0.45rem; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
tbody th, tbody td { border-bottom: 1px solid var(--rule); }
.figures { font-size: 0.9rem; }
.figures thead th { color: var(--quiet); font-size: 0.82rem; }
.figures .group { padding-top: 1.3rem; font-weight: 650; }
.figures .number { text-align: right; }
.figures td.number { white-space: nowrap; }
.figures td:last-child { min-width: 14rem; }
.figures code { white-space: nowrap; }

.comparison { margin-top: 2rem; table-layout: fixed; }
.comparison col.property { width: 13%; }
.comparison thead th { font-weight: 650; }
.comparison thead small { display: block; color: var(--quiet); font-weight: 400; }
.comparison tbody th { font-weight: 600; padding-top: 0.95rem; }
.comparison td { padding-top: 0.8rem; padding-bottom: 1rem; }
.claim { display: block; font-size: 1.35rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.01em; }
.pending .claim { color: var(--quiet); font-weight: 400; }
.pending .state { display: block; margin-top: 0.3rem; font-size: 0.85rem; color: var(--quiet); font-style: italic; }
.findings { margin: 0.45rem 0 0; padding: 0; list-style: none; font-size: 0.85rem; line-height: 1.4; }
.findings li { position: relative; margin-top: 0.4rem; padding-left: 1.2rem; }
.findings li::before { position: absolute; left: 0; font-weight: 700; content: "\\2713"; color: var(--good); }
.findings li.broken::before { content: "\\2717"; color: var(--bad); }
.findings b { display: block; font-weight: 400; color: var(--quiet); }
.footnote { margin-top: 0.8rem; font-size: 0.85rem; color: var(--quiet); }

figure { margin: 1.2rem 0 0; }
svg { display: block; width: 100%; height: auto; max-width: 60rem; overflow: visible; }
svg text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
svg text.quiet { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
svg .axis text, svg text.quiet { fill: var(--quiet); font-size: 12px; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .range { stroke: var(--mark); stroke-width: 2; }
svg .median { fill: var(--mark); }
svg .tail { stroke: var(--mark); stroke-width: 2; }
svg .kill { stroke: var(--bad); stroke-width: 2; fill: none; }
figcaption { margin-top: 0.5rem; max-width: 46rem; font-size: 0.85rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.5rem; font-size: 0.9rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }

@media (max-width: 900px) {
  body { padding: 2rem 1.2rem 3rem; }
  .comparison, .comparison tbody, .comparison tr, .comparison th, .comparison td { display: block; width: 100%; }
  .comparison thead, .comparison colgroup { display: none; }
  .comparison tbody th { padding: 1.6rem 0 0.4rem; font-size: 1.1rem; border-bottom: 1.5px solid var(--ink); }
  .comparison td { display: grid; grid-template-columns: 10rem 1fr; gap: 0 1rem; padding: 0.7rem 0; }
  .comparison td::before { grid-row: 1 / span 3; content: attr(data-system); color: var(--quiet); }
  .comparison .claim { font-size: 1.2rem; }
  .scroll { overflow-x: auto; }
  .figures { font-size: 0.84rem; }
  .figures th, .figures td { padding-right: 0.75rem; }
  .figures td:last-child { min-width: 9rem; }
  .figures td:last-child, .figures th:last-child { padding-right: 0; }
}
@media print { body { max-width: none; padding: 0; font-size: 11pt; } }
"""
