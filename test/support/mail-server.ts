import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Certificate, makeCertificate } from './certificate.ts';

export type Mail = { from: string; to: string[]; secure: boolean; user: string | undefined; raw: string };

export type MailServer = Certificate & {
  port: number;
  mails: Mail[];
  close(): Promise<void>;
};

/** A mail server on localhost that keeps what it takes; `options` say what it refuses. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const certificate = makeCertificate('localhost');
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    ...certificate,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: typeof session.user === 'string' ? session.user : undefined,
          raw: Buffer.concat(chunks).toString(),
        });
        done();
      });
    },
    ...options,
  });
  // Clients that do not trust it break off.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    ...certificate,
    port,
    mails,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
