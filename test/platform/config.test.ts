import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/platform/config.ts';
import { StartupError } from '../../src/platform/errors.ts';
import { settings } from '../../src/platform/settings.ts';

describe('the configuration', () => {
  it('has a default for everything a first start needs', () => {
    const config = loadConfig({}, '/somewhere');
    expect(config).toMatchObject({
      port: 4000,
      api: true,
      worker: true,
      dataDir: '/somewhere/.runcast',
      graphiql: true,
    });
    expect(config.databaseUrl).toBeUndefined();
  });

  it('reports every fault at once, by name, and never shows a value', () => {
    const env = { PORT: 'eighty', JWT_SECRET: 'short-secret', DATABASE_URL: 'mysql://root:hunter2@host/db' };
    const fault = faultOf(() => loadConfig(env, '/'));
    expect(fault.message).toMatch(/PORT.*JWT_SECRET|JWT_SECRET.*PORT/);
    expect(fault.message).toContain('DATABASE_URL');
    expect(fault.message).not.toMatch(/hunter2|short-secret/);
  });

  it("takes the migration guide's name for the database, and prefers DATABASE_URL", () => {
    const guide = 'postgresql://a:b@host/guide';
    expect(loadConfig({ SUPABASE_DB_URL: guide }, '/').databaseUrl).toBe(guide);
    const own = 'postgresql://a:b@host/own';
    expect(loadConfig({ SUPABASE_DB_URL: guide, DATABASE_URL: own }, '/').databaseUrl).toBe(own);
  });

  it('turns the playground off in production unless it is asked for', () => {
    expect(loadConfig({ NODE_ENV: 'production' }, '/').graphiql).toBe(false);
    expect(loadConfig({ NODE_ENV: 'production', GRAPHIQL: 'on' }, '/').graphiql).toBe(true);
  });

  it('takes channels of notifications, each with all that it needs, and never shows their secrets', () => {
    const env = {
      SMTP_URL: 'smtp://someone:hunter2@mail.example.com:587',
      SMTP_FROM: 'Runcast <runcast@example.com>',
      SLACK_WEBHOOK_URL: 'https://hooks.slack.com/services/T/B/hunter2',
      SMS_GATEWAY_URL: 'https://sms.example.com/messages',
      SMS_GATEWAY_TOKEN: 'hunter2',
      SMS_FROM: 'Runcast',
    };
    expect(loadConfig({}, '/').channels).toEqual({});
    expect(loadConfig(env, '/').channels).toEqual({
      email: { url: env.SMTP_URL, from: { name: 'Runcast', address: 'runcast@example.com' } },
      slack: { webhookUrl: env.SLACK_WEBHOOK_URL },
      sms: { url: env.SMS_GATEWAY_URL, token: 'hunter2', from: 'Runcast' },
    });
    for (const [name, value] of [
      ['SMTP_FROM', undefined],
      ['SMTP_FROM', 'Runcast <runcast@example.com>\r\nBcc: x@example.com'],
      ['SMTP_FROM', 'a@example.com, b@example.com'],
      ['SMTP_URL', undefined],
      ['SMTP_URL', 'http://mail.example.com/hunter2'],
      ['SMTP_URL', 'smtp://someone:hunter2@mail.example.com?tls.rejectUnauthorized=false'],
      ['SMTP_URL', 'smtp://someone:hunter2%@mail.example.com'],
      ['SLACK_WEBHOOK_URL', 'hunter2'],
      ['SMS_FROM', undefined],
      ['SMS_GATEWAY_TOKEN', 'hunter2\r\nx: y'],
    ] as const) {
      const { message } = faultOf(() => loadConfig({ ...env, [name]: value }, '/'));
      expect(message).toContain(`${name}: `);
      expect(message).not.toContain('hunter2');
    }
  });

  it('takes a Redis that can be connected to, and never shows its password', () => {
    const url = 'rediss://runcast:p%40ss@redis.internal:6380/2';
    expect(loadConfig({ REDIS_URL: url }, '/').redisUrl).toBe(url);
    for (const wrong of ['http://h/', 'redis://:hunter2@h/two', 'redis://:hunter2%zz@h']) {
      const { message } = faultOf(() => loadConfig({ REDIS_URL: wrong }, '/'));
      expect(message).toContain('REDIS_URL');
      expect(message).not.toContain('hunter2');
    }
  });

  it('takes the address that others know without the slash at its end', () => {
    expect(loadConfig({}, '/').publicUrl).toBeUndefined();
    expect(loadConfig({ PUBLIC_URL: 'https://example.com/runcast/' }, '/').publicUrl).toBe(
      'https://example.com/runcast',
    );
    expect(faultOf(() => loadConfig({ PUBLIC_URL: 'example.com' }, '/')).message).toContain('PUBLIC_URL');
  });

  it('takes a trainer as a JSON array only', () => {
    expect(loadConfig({ LOCAL_TRAINER: '["python3","train.py"]' }, '/').local.command).toEqual([
      'python3',
      'train.py',
    ]);
    expect(faultOf(() => loadConfig({ LOCAL_TRAINER: 'python3 train.py' }, '/')).message).toContain(
      'LOCAL_TRAINER',
    );
  });
});

describe('.env.example', () => {
  it('names every setting with its default or an example, and nothing else', () => {
    const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    const shown = [...text.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    const wanted = Object.entries(settings.shape).map(([name, schema]) => [name, exampleOf(schema)]);
    expect(shown).toEqual(wanted);
    for (const schema of Object.values(settings.shape)) expect(text).toContain(schema.description);
  });
});

function exampleOf(schema: (typeof settings.shape)[keyof typeof settings.shape]): string {
  const byDefault = schema.safeParse(undefined).data;
  return String(byDefault ?? schema.meta()?.example ?? 'on');
}

function faultOf(work: () => unknown): StartupError {
  try {
    work();
  } catch (error) {
    if (error instanceof StartupError) return error;
  }
  throw new Error('expected a StartupError');
}
