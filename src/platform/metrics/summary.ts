import { Summary, type SummaryConfiguration } from 'prom-client';

/** What a summary shows of values that were recorded elsewhere. */
export type Summarised = {
  /** By share, such as 0.99; undefined where nothing was recorded lately, which Prometheus has as NaN. */
  quantiles: readonly (readonly [share: number, value: number | undefined])[];
  sum: number;
  count: number;
};

/** A summary whose values are read when they are asked for: prom-client's own keeps a digest of each that it observes. */
export class ReadSummary extends Summary<'quantile'> {
  readonly #name: string;
  readonly #read: () => Summarised;

  constructor(config: SummaryConfiguration<'quantile'>, read: () => Summarised) {
    super(config);
    this.#name = config.name;
    this.#read = read;
  }

  override async get() {
    const { quantiles, sum, count } = this.#read();
    return {
      ...(await super.get()),
      values: [
        ...quantiles.map(([quantile, value = Number.NaN]) => ({ labels: { quantile }, value })),
        { metricName: `${this.#name}_sum`, labels: {}, value: sum },
        { metricName: `${this.#name}_count`, labels: {}, value: count },
      ],
    };
  }
}
