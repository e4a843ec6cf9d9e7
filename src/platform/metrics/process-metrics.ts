import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/** How often the event loop's delay is measured; what it shows beyond that is the delay. */
const RESOLUTION_MS = 20;

/**
 * What a process is measured by, under the names that dashboards know from prom-client. Its own collectDefaultMetrics
 * starts an observer of the garbage collector and a timer, neither of which can be stopped again.
 *
 * @returns stops measuring
 */
export function registerProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  registerProcessor(registers);
  registerMemory(registers);
  if (process.platform === 'linux') registerFiles(registers);
  return registerEventLoop(registers);
}

function registerProcessor(registers: Registry[]): void {
  const usage = () => process.cpuUsage();
  const parts = [
    ['process_cpu_user_seconds_total', 'Processor time in the program.', () => usage().user],
    ['process_cpu_system_seconds_total', 'Processor time in the kernel.', () => usage().system],
    ['process_cpu_seconds_total', 'Processor time in all.', () => usage().user + usage().system],
  ] as const;
  for (const [name, help, microseconds] of parts) {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(microseconds() / 1e6);
      },
    });
  }
  gauge(registers, 'process_start_time_seconds', 'When it started, since 1970.', () =>
    Math.round(performance.timeOrigin / 1_000),
  );
}

function registerMemory(registers: Registry[]): void {
  const usage = () => process.memoryUsage();
  gauge(registers, 'process_resident_memory_bytes', 'Memory in all.', () => process.memoryUsage.rss());
  gauge(registers, 'nodejs_heap_size_total_bytes', 'Heap that is taken.', () => usage().heapTotal);
  gauge(registers, 'nodejs_heap_size_used_bytes', 'Heap that is used.', () => usage().heapUsed);
  gauge(registers, 'nodejs_external_memory_bytes', 'Memory beside the heap.', () => usage().external);
}

/** Each socket is one; a process that has no more of them accepts nobody. */
function registerFiles(registers: Registry[]): void {
  gauge(
    registers,
    'process_open_fds',
    'Files and sockets that are open.',
    async () => (await readdir('/proc/self/fd')).length,
  );
  gauge(registers, 'process_max_fds', 'Files and sockets that may be open.', async () => {
    const limits = await readFile('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  });
}

function registerEventLoop(registers: Registry[]): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const seconds = (ns: number) => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3);
  // prom-client collects in the order of registration: the last one begins anew.
  const since = 'Since it was asked for last:';
  gauge(registers, 'nodejs_eventloop_lag_p50_seconds', `${since} how late timers ran, median.`, () =>
    seconds(delay.percentile(50)),
  );
  gauge(registers, 'nodejs_eventloop_lag_p99_seconds', `${since} how late timers ran, 99 of 100.`, () =>
    seconds(delay.percentile(99)),
  );
  gauge(registers, 'nodejs_eventloop_lag_max_seconds', `${since} how late timers ran at most.`, () => {
    const longest = seconds(delay.max);
    delay.reset();
    return longest;
  });
  return () => void delay.disable();
}

function gauge(
  registers: Registry[],
  name: string,
  help: string,
  read: () => number | Promise<number>,
): void {
  new Gauge({
    ...{ name, help, registers },
    async collect() {
      this.set(await read());
    },
  });
}
