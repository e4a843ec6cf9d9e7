import { errors } from 'undici';
import { codeOf } from '../errors.ts';
import { OutboundError } from './error.ts';

/** The time that a request has, from its start to the last byte of its body. */
export type Clock = {
  /** Aborted where the time is up, or the caller has had enough. */
  signal: AbortSignal;
  stop(): void;
  /** What has gone wrong, in the caller's terms. */
  explain(error: unknown, hostname: string): unknown;
};

export function startClock(timeoutMs: number, caller: AbortSignal | undefined): Clock {
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(), timeoutMs);
  return {
    signal: caller ? AbortSignal.any([caller, timeUp.signal]) : timeUp.signal,
    stop: () => clearTimeout(timer),
    explain(error, hostname) {
      if (caller?.aborted) return caller.reason;
      if (error instanceof OutboundError) return error;
      if (timeUp.signal.aborted) {
        return new OutboundError(
          'TIMEOUT',
          `The host ${hostname} had not answered whole after ${timeoutMs} ms.`,
        );
      }
      return failureOf(error, hostname);
    },
  };
}

/** By the code alone: the messages of sockets and certificates tell addresses and names behind the one that was asked for. */
function failureOf(error: unknown, hostname: string): OutboundError {
  // A parser's error has no code where it is about the first line.
  const code = codeOf(error) ?? (error instanceof errors.HTTPParserError ? 'HPE_INVALID' : 'unknown');
  if (/^(HPE_|Z_|ERR_(_ERROR|BROTLI)|UND_ERR_HEADERS_OVERFLOW)/.test(code)) {
    return new OutboundError('RESPONSE_INVALID', `The response of ${hostname} cannot be read (${code}).`);
  }
  return new OutboundError('CONNECTION_FAILED', `The connection to ${hostname} failed (${code}).`);
}
