import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import type { Config } from '../platform/config.ts';
import { sendJson } from '../platform/http.ts';
import type { LiveFigures } from '../platform/live/figures.ts';
import type { Logger } from '../platform/logger.ts';
import { registerLiveMetrics } from '../platform/metrics/live-metrics.ts';
import { registerProcessMetrics } from '../platform/metrics/process-metrics.ts';

export type MetricsOptions = Partial<Pick<Config, 'isProduction' | 'metricsToken'>> & {
  figures: () => LiveFigures;
  log: Logger;
};

/** What /metrics serves. It measures the process until it is stopped. */
export type Metrics = { serve: RequestListener; stop(): void };

/**
 * Metrics of this process as Prometheus reads them, for whoever has the token. Without one configured they are open to
 * everybody, but not in production, where nothing is to be shown by accident.
 *
 * @returns undefined where they are not served
 */
export function createMetrics({
  isProduction,
  metricsToken,
  figures,
  log,
}: MetricsOptions): Metrics | undefined {
  if (isProduction && metricsToken === undefined) return undefined;
  const registry = new Registry();
  registerLiveMetrics(registry, figures);
  const stop = registerProcessMetrics(registry);

  async function answer(response: ServerResponse): Promise<void> {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' });
    response.end(text);
  }

  return {
    stop,
    serve(request, response) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(response);
      if (metricsToken !== undefined && !isAllowed(request, metricsToken)) return refuseToken(response);
      answer(response).catch((error) => {
        log.error({ err: error }, 'metrics could not be collected');
        sendJson(response, 500, { error: 'The metrics could not be collected: see the log.' });
      });
    },
  };
}

/** Digests are as long as each other, so comparing them takes as long whatever was sent. */
function isAllowed({ headers }: IncomingMessage, token: string): boolean {
  const [, sent = ''] = /^bearer +(.*)$/i.exec(headers.authorization ?? '') ?? [];
  return timingSafeEqual(digest(sent), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuseToken(response: ServerResponse): void {
  response.setHeader('www-authenticate', 'Bearer');
  sendJson(response, 401, { error: 'This needs the header Authorization: Bearer <METRICS_TOKEN>.' });
}

function refuseMethod(response: ServerResponse): void {
  response.setHeader('allow', 'GET, HEAD');
  sendJson(response, 405, { error: 'Metrics are read with GET.' });
}
