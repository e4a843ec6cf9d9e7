/** Somewhere to write; process.stdout, or a collector in a test. */
export type Output = { isTTY?: boolean; columns?: number; write(text: string): unknown };

export type ProgressLine = {
  /** Shows the run's newest state. On a terminal the line is rewritten in place; elsewhere each tenth is a line. */
  show(progress: RunProgress): void;
  /** Leaves the line as it is and goes on below it. */
  end(lastWords: string): void;
};

export type RunProgress = {
  percent: number;
  step?: number | null | undefined;
  totalSteps?: number | null | undefined;
  etaSeconds?: number | null | undefined;
  loss?: number | undefined;
};

const BAR_CELLS = 28;
const CLEAR_LINE = '\r\u001b[2K';

/** One live line for one run. */
export function createProgressLine(output: Output, name: string): ProgressLine {
  let lastTenth = -1;
  let isOpen = false;
  return {
    show(progress) {
      const line = describe(name, progress);
      if (output.isTTY) {
        output.write(`${CLEAR_LINE}${line.slice(0, (output.columns ?? 80) - 1)}`);
        isOpen = true;
        return;
      }
      const tenth = Math.floor(progress.percent / 10);
      if (tenth > lastTenth) output.write(`${line}\n`);
      lastTenth = Math.max(tenth, lastTenth);
    },
    end(lastWords) {
      output.write(`${isOpen ? '\n' : ''}${lastWords}\n`);
      isOpen = false;
    },
  };
}

function describe(name: string, { percent, step, totalSteps, etaSeconds, loss }: RunProgress): string {
  const full = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR_CELLS);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  const parts = [`${name} ${bar} ${String(Math.round(percent)).padStart(3)} %`];
  if (step != null) parts.push(totalSteps != null ? `step ${step}/${totalSteps}` : `step ${step}`);
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(3)}`);
  if (etaSeconds != null && percent < 100) parts.push(`${Math.round(etaSeconds)} s left`);
  return parts.join(' · ');
}
