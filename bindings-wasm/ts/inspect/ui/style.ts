const LIGHT = `
  color-scheme: light;
  --back: #ffffff; --raised: #f4f5f7; --line: #d9dce1; --text: #1d2129; --dim: #5c6470;
  --accent: #0b62c4; --on-accent: #ffffff; --chosen: #e3eefb; --fresh: #ffe9a8; --fault: #a4161a; --fault-back: #fdecec;
  --number: #0a6b3d; --blob: #7a3e9d;`;

const DARK = `
  color-scheme: dark;
  --back: #16191f; --raised: #1f242c; --line: #363d48; --text: #e6e9ee; --dim: #a2abb8;
  --accent: #6cb0ff; --on-accent: #0c1a2b; --chosen: #22364f; --fresh: #4a3f14; --fault: #ff9b9b; --fault-back: #3a1d20;
  --number: #74d3a2; --blob: #d3a3f2;`;

const CSS = `
:host { all: initial; display: block; height: 100%; min-height: 8rem; }
:host([docked]) { position: fixed; z-index: 2147483000; left: 0; right: 0; bottom: 0; height: min(60vh, 28rem); box-shadow: 0 -2px 12px #0004; }
:host([hidden]) { display: none; }
[hidden] { display: none !important; }
.panel { ${LIGHT} }
@media (prefers-color-scheme: dark) { .panel { ${DARK} } }
.panel[data-theme="light"] { ${LIGHT} }
.panel[data-theme="dark"] { ${DARK} }
.panel { height: 100%; display: flex; flex-direction: column; background: var(--back); color: var(--text); font: 13px/1.4 system-ui, sans-serif; border-top: 1px solid var(--line); box-sizing: border-box; position: relative; overflow: hidden; }
*, *::before { box-sizing: border-box; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.edge { position: absolute; z-index: 2; top: 0; left: 0; right: 0; height: 5px; cursor: ns-resize; touch-action: none; }
header, .tools { display: flex; align-items: center; gap: 6px; flex: none; min-height: 34px; padding: 3px 8px; border-bottom: 1px solid var(--line); }
header { background: var(--raised); gap: 12px; }
header strong { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 16rem; flex: none; }
.bar { align-self: stretch; display: flex; min-width: 0; overflow-x: auto; margin: -3px 0; }
.tools { flex-wrap: wrap; }
.space { flex: 1; }
button { font: inherit; color: var(--text); background: var(--back); border: 1px solid var(--line); border-radius: 4px; padding: 2px 8px; min-height: 26px; cursor: pointer; flex: none; }
button:hover:not(:disabled) { background: var(--chosen); }
button:disabled { color: var(--dim); opacity: .55; cursor: default; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.main:hover:not(:disabled) { background: var(--accent); filter: brightness(1.1); }
.tabs { display: flex; }
.tabs button { background: none; border: 0; border-bottom: 2px solid transparent; border-top: 2px solid transparent; border-radius: 0; padding: 2px 10px; color: var(--dim); }
.tabs button[aria-selected="true"] { color: var(--text); border-bottom-color: var(--accent); }
.toggle { display: inline-flex; align-items: center; gap: 5px; padding: 0 4px; cursor: pointer; flex: none; }
.toggle input { margin: 0; accent-color: var(--accent); cursor: inherit; }
.toggle:has(:disabled) { color: var(--dim); cursor: default; }
output { color: var(--dim); font-variant-numeric: tabular-nums; }
.movers { display: inline-flex; align-items: center; gap: 4px; flex: none; max-width: 100%; }
.place { min-width: 9rem; text-align: center; }
.fault { flex: none; padding: 6px 10px; color: var(--fault); background: var(--fault-back); border-bottom: 1px solid var(--line); overflow-wrap: anywhere; max-height: 8rem; overflow: auto; white-space: pre-wrap; }
.body { flex: 1; min-height: 0; display: flex; }
.tables { flex: none; width: 13.5rem; max-width: 38%; display: flex; flex-direction: column; border-right: 1px solid var(--line); background: var(--raised); }
.tables input { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 4px; margin: 6px; padding: 2px 6px; min-height: 26px; min-width: 0; }
.list { flex: 1; overflow: auto; min-height: 0; padding-bottom: 8px; }
.tables h2, .tables summary { font: inherit; font-size: 11px; color: var(--dim); margin: 0; padding: 6px 10px 2px; text-transform: uppercase; letter-spacing: .04em; }
.tables summary { cursor: pointer; }
.tables .list button { display: flex; gap: 8px; width: 100%; background: none; border: 0; border-radius: 0; padding: 2px 10px; text-align: left; align-items: baseline; }
.tables .list button:hover { background: var(--chosen); }
.tables .list button[aria-current="true"] { background: var(--chosen); box-shadow: inset 3px 0 var(--accent); }
.tables .name { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.count { color: var(--dim); font-variant-numeric: tabular-nums; font-size: 12px; }
.views { flex: 1; min-width: 0; display: flex; }
.view { flex: 1; min-width: 0; min-height: 0; display: flex; flex-direction: column; }
textarea { font: 13px/1.45 ui-monospace, monospace; color: inherit; background: var(--back); border: 0; border-bottom: 1px solid var(--line); padding: 8px 10px; resize: vertical; flex: none; min-height: 3.5rem; max-height: 50%; }
textarea::placeholder, .tables input::placeholder { color: var(--dim); opacity: 1; }
.grid, .document { flex: 1; min-height: 0; overflow: auto; }
table { border-collapse: separate; border-spacing: 0; }
.grid table { font: 12px/1.5 ui-monospace, monospace; }
.grid th { position: sticky; top: 0; z-index: 1; background: var(--raised); text-align: left; padding: 0; font-weight: 600; border-right: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.grid th > * { display: flex; gap: 8px; align-items: baseline; justify-content: space-between; width: 100%; padding: 2px 8px; min-height: 26px; font: inherit; background: none; border: 0; border-radius: 0; text-align: left; white-space: nowrap; }
.grid th .name { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
th[aria-sort="ascending"] .name::after { content: " ▲"; }
th[aria-sort="descending"] .name::after { content: " ▼"; }
.type { color: var(--dim); font-weight: 400; font-size: 11px; }
.grid td { padding: 2px 8px; border-right: 1px solid var(--line); border-bottom: 1px solid var(--line); max-width: 26rem; min-width: 3rem; overflow: hidden; text-overflow: ellipsis; white-space: pre; cursor: default; }
.grid tbody tr:hover td { background: var(--raised); }
.grid td.integer, .grid td.real, .grid td.number { text-align: right; color: var(--number); font-variant-numeric: tabular-nums; }
.grid td.null, .grid td.empty { color: var(--dim); font-style: italic; }
.grid td.blob { color: var(--blob); }
tr.fresh td { animation: fresh 1.6s ease-out; }
@keyframes fresh { from { background: var(--fresh); } }
@media (prefers-reduced-motion: reduce) { tr.fresh td { animation: none; background: var(--fresh); } }
.value { flex: none; max-height: 45%; min-height: 6rem; display: flex; flex-direction: column; border-top: 1px solid var(--line); }
.value header .type { white-space: nowrap; }
.value header .name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
pre { font: 12px/1.5 ui-monospace, monospace; margin: 0; padding: 8px 10px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 0; unicode-bidi: plaintext; }
.value pre { flex: 1; }
.document { padding: 10px 14px; }
.document h2 { font-size: 15px; margin: 0 0 4px; display: flex; gap: 10px; align-items: baseline; overflow-wrap: anywhere; }
.document h3 { font-size: 12px; margin: 14px 0 4px; color: var(--dim); }
.document pre { background: var(--raised); border: 1px solid var(--line); border-radius: 4px; }
.plain { max-width: 100%; }
.plain th { text-align: left; color: var(--dim); font-weight: 400; padding: 2px 18px 2px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
.plain td { padding: 3px 18px 3px 0; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.plain .name { font-weight: 600; }
.plain .number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.none { color: var(--dim); margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
`;

let sheet: CSSStyleSheet | undefined;

/** Returns the style of every panel. A sheet of the object model needs no permission of the page's policy. */
export function styles(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
