import { generateKeyPairSync, sign } from 'node:crypto';

/** A key and a certificate that signs itself, made anew: none has to lie in the repository, and none runs out. */
export type Certificate = { key: string; cert: string };

const DAY_MS = 86_400_000;

const part = (tag: number, ...contents: Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...contents: Buffer[]) => part(0x30, ...contents);
const identifier = (hex: string) => part(0x06, Buffer.from(hex, 'hex'));
const text = (tag: number, value: string) => part(tag, Buffer.from(value));
const moment = (at: number) => text(0x18, new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, ''));

const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'));
const COMMON_NAME = identifier('550403');
const ALTERNATIVE_NAME = identifier('551d11');
const BASIC_CONSTRAINTS = identifier('551d13');

/** @param host the DNS name it is for */
export function makeCertificate(host: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(part(0x31, sequence(COMMON_NAME, text(0x0c, host))));
  const signed = sequence(
    part(0xa0, part(0x02, Buffer.from([2]))),
    part(0x02, Buffer.from([1])),
    ECDSA_WITH_SHA256,
    name,
    sequence(moment(Date.now() - DAY_MS), moment(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    part(
      0xa3,
      sequence(
        sequence(ALTERNATIVE_NAME, part(0x04, sequence(text(0x82, host)))),
        sequence(BASIC_CONSTRAINTS, part(0x04, sequence(part(0x01, Buffer.from([0xff]))))),
      ),
    ),
  );
  const signature = part(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const der = sequence(signed, ECDSA_WITH_SHA256, signature);
  const lines = der.toString('base64').replaceAll(/.{1,64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
  };
}
