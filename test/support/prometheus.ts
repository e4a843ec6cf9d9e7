/** A metric as Prometheus's text format has it. */
export type Metric = { type: string; help: string; samples: Map<string, number> };

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(\{(?:\w+="[^"\\]*",?)+\})? ([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan))$/i;

/**
 * Reads Prometheus's text format, version 0.0.4, the way its own parser does as far as we go.
 *
 * @returns metrics by name; their samples by what is written before the value
 * @throws where a line is none, or belongs to no metric that was described before
 */
export function parseMetrics(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n').filter(Boolean)) {
    const [, kind, described = '', said = ''] = COMMENT.exec(line) ?? [];
    if (kind === 'HELP') metrics.set(described, { type: 'untyped', help: said, samples: new Map() });
    else if (kind === 'TYPE') metricOf(metrics, described, line).type = said;
    else {
      const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      metricOf(metrics, name, line).samples.set(name + labels, Number(value.replace(/^nan$/i, 'NaN')));
    }
  }
  return metrics;
}

function metricOf(metrics: Map<string, Metric>, name: string, line: string): Metric {
  const metric = metrics.get(name) ?? metrics.get(name.replace(/_(sum|count|bucket)$/, ''));
  if (!metric) throw new Error(`not a metric's line: ${line}`);
  return metric;
}
