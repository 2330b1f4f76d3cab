"""The frame of the page that :mod:`metdc_collector.captures.report` fills."""

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
<body>
<header>
<h1>{title}</h1>
<p class="lead">{headline}</p>
<p class="small">{listing}</p>
<p class="small"><b class="state {state}">{state}</b> as of {made} UTC · window {window} around the announcement</p>
</header>
<section class="picture">
<div class="legend">{legend}</div>
{plot}
<p class="small">Above: price against each market's reference, as a return. Dots: the first move; small and pale: what
no other trade confirms, at the edge where it is beyond. Shaded: something may be missing; grey: the second of the
announcement. Below: coins bought (<i class="buy"></i>) and sold (<i class="sell"></i>) by takers on all markets.</p>
</section>
<section>
<h2>Markets</h2>
<div class="wide"><table>
<thead><tr>{headings}</tr></thead>
<tbody>{rows}</tbody>
</table></div>
</section>
<section>
<h2>What is missing or in doubt</h2>
<ul>{notes}</ul>
<p class="small">A rank such as 1–2 is a tie: an exchange's clock may be off by as much as its times differ from
ours. Exact values, and the trades, are in the files beside this page.</p>
</section>
</body>
</html>
"""

STYLE = """
:root{--l:.55;--ink:#1b1f24;--soft:#59636e;--rule:#d8dee4;--back:#fff;--panel:#f6f8fa;--buy:#1a7f4b;--sell:#c8372d;
--band:#8c959f22}
@media(prefers-color-scheme:dark){:root{--l:.76;--ink:#e6edf3;--soft:#9aa4af;--rule:#30363d;--back:#0d1117;
--panel:#161b22;--buy:#3fb979;--sell:#f0716a;--band:#c0c8d022}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:88rem;padding:1rem 1.25rem 3rem;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.lead{font-size:1.1rem;margin:.25rem 0}.small{font-size:.85rem;color:var(--soft);margin:.5rem 0}
.state{border-radius:1em;padding:.1em .7em;color:var(--back);background:var(--buy)}
.state.Provisional{background:var(--sell)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.85rem;margin:1rem 0 .75rem}
.legend label{display:flex;align-items:center;gap:.4rem;cursor:pointer;min-height:1.75rem}
.legend input{margin:0;accent-color:var(--soft)}.swatch{width:28px;height:8px}
.plot{display:grid;grid-template-columns:3.6rem 1fr;column-gap:.4rem}
.plot svg{width:100%;display:block;background:var(--panel);overflow:visible}
.prices{height:clamp(16rem,50vh,30rem)}.bars{height:5rem;margin-top:.4rem}
.returns,.times,.most{position:relative;font-size:.75rem;color:var(--soft);font-variant-numeric:tabular-nums}
.returns span{position:absolute;right:0;transform:translateY(-50%);white-space:nowrap}
.most{margin-top:.4rem}.most span{position:absolute;right:0;top:0;line-height:1}
.times{grid-column:2;height:1.4rem}
.times span{position:absolute;transform:translateX(-50%);white-space:nowrap;top:.2rem}
path{fill:none;vector-effect:non-scaling-stroke}
.line{stroke:var(--c);stroke-width:1.6;stroke-dasharray:var(--d);stroke-linejoin:round}
.zero{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--rule);stroke-width:1}
.moment{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3}.second{fill:var(--band)}
.gap{fill:var(--c);opacity:.2}.dot{stroke:var(--c);stroke-linecap:round}.first{stroke-width:9}
.doubtful{stroke-width:6;opacity:.6}path.buy{fill:var(--buy)}path.sell{fill:var(--sell)}
i.buy,i.sell{display:inline-block;width:.7em;height:.7em;background:var(--buy)}i.sell{background:var(--sell)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:.35rem .5rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th{color:var(--soft);font-weight:500}th:first-child,td:first-child,th:last-child,td:last-child{text-align:left}
td:first-child{font-weight:600}td span{white-space:nowrap}
td:last-child{min-width:8rem}
ul{padding-left:1.2rem;font-size:.9rem}
@media(max-width:46rem){body{padding:.75rem .75rem 2rem}.plot{grid-template-columns:3rem 1fr}.prices{height:18rem}
.picture{display:flex;flex-direction:column}.legend{order:1;display:grid;grid-template-columns:1fr 1fr;gap:.1rem .5rem;
font-size:.8rem;margin:.5rem 0}.picture>p{order:2}
thead{display:none}table,tbody,tr,td{display:block}tr{padding:.6rem 0;border-bottom:1px solid var(--rule)}
td,td:last-child{display:flex;justify-content:flex-end;gap:.3em;border:0;padding:.1rem 0;text-align:right;
white-space:normal;min-width:0}td:first-child{font-size:1rem;justify-content:flex-start}td:not(:first-child)::before{content:attr(data-label);
color:var(--soft);text-align:left;margin-right:auto;padding-right:1rem}}
"""
