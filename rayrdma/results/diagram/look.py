"""The look of a space-time diagram, and the script that shows what lies under the pointer; nothing from elsewhere."""

LOOK = """
:root {
  --c0: #0b62a4; --c1: #b35900; --c2: #0a7d5c; --c3: #9a3f86; --c4: #75602a; --c5: #4d6475;
  --nak: #b3261e; --both: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --c0: #74b4ea; --c1: #f0a04b; --c2: #57c8a1; --c3: #dd92cc; --c4: #cdb878; --c5: #a5bccb;
    --nak: #f2887f; --both: #f2887f;
  }
}
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); } .c-none { --c: var(--quiet); }
body { max-width: none; padding: 2rem 2.2rem 6rem; }
h1 small { display: block; font-size: 1rem; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
.quorums { margin: 0.8rem 0; padding: 0; list-style: none; max-width: 60rem; }
.quorums li { margin: 0.2rem 0; padding-left: 1.2rem; position: relative; }
.quorums li::before { content: ""; position: absolute; left: 0; top: 0.45em; width: 0.65rem; height: 0.65rem;
  border-radius: 50%; background: var(--c); }
.quorums li.meet { font-weight: 650; } .quorums li.meet::before { background: none; content: "\\25CF"; top: 0;
  color: var(--both); }
.spacetime { display: flex; width: max-content; max-width: 100%; overflow-x: auto; margin: 1.2rem 0 0.6rem;
  border: 1px solid var(--rule); border-radius: 6px; }
.spacetime svg { flex: none; max-width: none; overflow: hidden; }
.spacetime svg.names { position: sticky; left: 0; z-index: 1; background: var(--paper);
  border-right: 1px solid var(--rule); }
.spacetime text, .key text { font-size: 11px; fill: var(--c, var(--ink)); }
.spacetime .name { font-size: 15px; font-weight: 650; fill: var(--c, var(--ink)); }
.spacetime .both { fill: var(--both); }
.spacetime .remark, .spacetime .tick, .spacetime .unit, .spacetime .cut { fill: var(--quiet); }
.spacetime .event, .spacetime .lawless { font-weight: 650; } .spacetime .lawless { fill: var(--nak); }
.instant { fill: var(--shade); } .paused { fill: var(--rule); }
.lane { stroke: var(--ink); stroke-width: 1.4; } .lane.memory { stroke-width: 3; stroke: var(--quiet); }
.gone { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 1 6; }
.band rect { fill: var(--c); fill-opacity: 0.16; stroke: var(--c); stroke-width: 1; }
.band .holder { fill: var(--c); font-weight: 600; }
.request, .response, .message { stroke: var(--c); stroke-width: 1.3; }
.response { stroke-width: 1; stroke-opacity: 0.75; } .message { stroke-dasharray: 7 3; }
.open, .begun { stroke-dasharray: 1.5 4; stroke-linecap: round; }
.lost { fill: var(--paper); stroke: var(--c); stroke-width: 1.5; }
.reach { stroke: transparent; stroke-width: 9; }
.head { fill: var(--c); } .answer { fill: none; stroke: var(--c); stroke-width: 1.4; }
line.refused, .answer.refused { stroke: var(--nak); }
.write { fill: var(--c); stroke: var(--paper); stroke-width: 1; }
.read, .self { fill: var(--paper); stroke: var(--c); stroke-width: 1.6; }
.unseen { fill: var(--paper); stroke: var(--c); stroke-width: 1.4; stroke-dasharray: 2 2; }
.permission { fill: var(--c); stroke: var(--paper); stroke-width: 1.2; }
.nochange { fill: var(--paper); stroke: var(--c); stroke-width: 1.4; }
.nak { fill: var(--paper); stroke: var(--nak); stroke-width: 1.6; }
.nakcross { stroke: var(--nak); stroke-width: 1.8; }
.spacetime .naktext, .key .naktext { fill: var(--nak); font-weight: 650; paint-order: stroke; stroke: var(--paper);
  stroke-width: 3px; }
.crash { stroke: var(--ink); stroke-width: 3; fill: none; }
.decision { fill: var(--paper); stroke: var(--c); stroke-width: 2.5; } .bull { fill: var(--c); }
.leader { fill: var(--c); stroke: var(--c); stroke-width: 1.4; }
.note { fill: var(--paper); stroke: var(--c); stroke-width: 1.3; } .refusal { fill: var(--nak); }
.spacetime .step, .spacetime .event { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.halo path { stroke: var(--c); stroke-width: 9; stroke-opacity: 0.25; stroke-linecap: round; fill: none; }
.halo circle { fill: var(--c); fill-opacity: 0.25; stroke: var(--c); stroke-width: 1.5; }
.counted line { stroke-width: 2; stroke-opacity: 1; } .counted line.reach { stroke-width: 9; }
.t:hover line:not(.reach), .t.shown line:not(.reach) { stroke-width: 3.5; stroke-opacity: 1; }
.t:hover rect { stroke-width: 2.5; }
.key { display: flex; flex-wrap: wrap; gap: 0.3rem 1.6rem; margin: 0.8rem 0; font-size: 0.85rem; align-items: center; }
.key span { display: flex; gap: 0.5rem; align-items: center; } .key svg { width: 46px; height: 24px; flex: none; }
#tip { position: fixed; z-index: 2; display: none; max-width: 34rem; padding: 0.5rem 0.7rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: 0.82rem; line-height: 1.4; pointer-events: none; color: var(--ink);
  background: var(--paper); border: 1px solid var(--quiet); border-radius: 5px; box-shadow: 0 2px 10px #0004; }
@media print { .spacetime { overflow: visible; } }
"""

SCRIPT = """
const tip = document.getElementById("tip");
for (const mark of document.querySelectorAll(".t")) {
  const title = mark.querySelector("title");
  mark.dataset.tip = title.textContent;
  title.remove();
}
document.addEventListener("pointermove", (event) => {
  const mark = event.target.closest?.(".t");
  tip.style.display = mark ? "block" : "none";
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
});
"""
