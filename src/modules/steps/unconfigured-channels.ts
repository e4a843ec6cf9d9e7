import { CHANNEL_SETTINGS, type ChannelAvailability } from '../notifications/channels/channels.ts';
import { stepConfigs } from './definition/step-configs.ts';

/** A step that cannot be run here, and why: in the terms of the path within a definition. */
export type UnconfiguredStep = { path: readonly string[]; stepId: string; message: string };

/**
 * Steps that notify by a channel that is not configured: to be refused before a run starts, not when it gets there.
 *
 * @param steps of a definition, in its order; what is no step `notification`, or a faulty one, is passed over
 */
export function unconfiguredChannels(
  steps: readonly { id: string; name: string; type: string; config: unknown }[],
  channels: ChannelAvailability,
): UnconfiguredStep[] {
  return steps.flatMap(({ id, name, type, config }, at) => {
    const parsed = type === 'notification' ? stepConfigs.notification.safeParse(config) : undefined;
    if (!parsed?.success) return [];
    const { channel, recipients } = parsed.data;
    if (channels.isConfigured(channel, recipients)) return [];
    const message = `of the step ${JSON.stringify(name)} is not configured here: the operator must set ${CHANNEL_SETTINGS[channel]}`;
    return [{ path: ['steps', String(at), 'config', 'channel'], stepId: id, message }];
  });
}
