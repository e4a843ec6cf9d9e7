import type { z } from 'zod';
import type { Delivery } from '../notifications/channels/channel.ts';
import { ChannelError } from '../notifications/channels/channel-error.ts';
import type { Channels } from '../notifications/channels/channels.ts';
import type { stepConfigs } from './definition/step-configs.ts';
import { StepError, type StepRunner } from './step.ts';
import type { FillTemplates, RenderTemplate } from './templates.ts';

export type NotificationConfig = z.infer<typeof stepConfigs.notification>;

/** Who was told, as they were named, and whom the other side would not take it for. */
export type NotificationOutput = { channel: NotificationConfig['channel'] } & Delivery;

/**
 * The step `notification`: sends what a template makes. The first line is the subject of an e-mail, and the title of what is
 * shown within the platform.
 */
export function createNotificationStep({
  channels,
  render,
  fill,
}: {
  channels: Channels;
  render: RenderTemplate;
  fill: FillTemplates;
}): StepRunner<NotificationConfig> {
  return async ({ channel, template, recipients }, scope, call) => {
    const names = recipientsOf(await fill(recipients, scope, call));
    const { subject, message } = partsOf(await render(template, { ...scope }), channel);
    call.signal.throwIfAborted();
    const { execution, owner, idempotencyKey, signal } = call;
    const delivery = await channels
      .send({
        channel,
        recipients: names,
        message,
        subject,
        idempotencyKey,
        owner,
        source: { execution, stepId: call.stepId },
        signal,
      })
      .catch((error: unknown) => {
        throw error instanceof ChannelError ? stepError(error) : error;
      });
    for (const { recipient, reason } of delivery.refused)
      call.log(`${recipient} was not told: ${reason}`, 'warn');
    return { channel, ...delivery } satisfies NotificationOutput;
  };
}

const MAX_RECIPIENTS = 100;
const MAX_NAME = 500;

/** A recipient that is nothing but `{{ … }}` may have become a list. */
function recipientsOf(filled: unknown): string[] {
  const names = [filled].flat(2).map((name) => (typeof name === 'string' ? name.trim() : name));
  const faulty = names.find((name) => typeof name !== 'string' || name === '' || name.length > MAX_NAME);
  if (faulty !== undefined) throw invalid(`A recipient must be text of 1 to ${MAX_NAME} characters.`);
  const all = [...new Set(names.map(String))];
  if (all.length > 0 && all.length <= MAX_RECIPIENTS) return all;
  throw invalid(`There must be 1 to ${MAX_RECIPIENTS} recipients; there are ${all.length}.`);
}

function partsOf(
  text: string,
  channel: NotificationConfig['channel'],
): { subject?: string; message: string } {
  const message = text.trim();
  if (channel === 'slack' || channel === 'sms') return { message };
  const [subject = '', ...others] = message.split(/\r?\n/);
  const rest = others.join('\n').trim();
  // An e-mail without a body looks like one that was lost.
  return { subject, message: channel === 'email' && rest === '' ? subject : rest };
}

function invalid(message: string): StepError {
  return new StepError({ code: 'RECIPIENT_INVALID', message }, { isFinal: true });
}

function stepError({ code, message, isFinal, retryAfterMs }: ChannelError): StepError {
  return new StepError({ code, message }, { isFinal, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
