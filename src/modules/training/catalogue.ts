import type { Prisma } from '../../generated/prisma/client.ts';
import { ConflictError, NotFoundError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease, TransactionClient } from '../../platform/db/lease.ts';
import { codeOf } from '../../platform/errors.ts';
import { configInput, configPatch, datasetInput, datasetPatch } from './inputs.ts';

/**
 * The use cases around training configs and datasets. Each acts as the lease's viewer and takes ids as rows have
 * them. Only the owner changes them: a public config of somebody else is there to be read, and started from.
 */

export async function createConfig(db: Lease, userId: string, raw: unknown): Promise<string> {
  const { config, gistUrls, datasetIds, ...fields } = validated(configInput, raw, ['input']);
  return db.transaction(async ({ prisma }) => {
    const data = { ...fields, userId, configJson: json(config), gistUrls: json(gistUrls) };
    const { id } = await uniquely(
      fields.publicId,
      prisma.trainingConfig.create({ data, select: { id: true } }),
    );
    await linkDatasets(prisma, id, userId, datasetIds);
    return id;
  });
}

export async function updateConfig(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
  const { config, gistUrls, datasetIds, name, publicId } = validated(configPatch, raw, ['input']);
  return db.transaction(async ({ prisma }) => {
    const data = {
      ...(name !== undefined && { name }),
      ...(publicId !== undefined && { publicId }),
      ...(config !== undefined && { configJson: json(config) }),
      ...(gistUrls !== undefined && { gistUrls: json(gistUrls) }),
      updatedAt: new Date(),
    };
    const changed = await uniquely(
      publicId ?? '',
      prisma.trainingConfig.updateMany({ where: { id: uuid(id, 'config'), userId }, data }),
    );
    if (changed.count === 0) throw new NotFoundError('training config of yours', id);
    if (datasetIds === undefined) return id;
    await prisma.trainingConfigDataset.deleteMany({ where: { configId: id } });
    await linkDatasets(prisma, id, userId, datasetIds);
    return id;
  });
}

/** Executions keep the public id they were started by; those that have not begun to run will fail. */
export async function deleteConfig(db: Lease, userId: string, id: string): Promise<void> {
  const { count } = await db.prisma.trainingConfig.deleteMany({ where: { id: uuid(id, 'config'), userId } });
  if (count === 0) throw new NotFoundError('training config of yours', id);
}

export async function publishConfig(
  db: Lease,
  userId: string,
  id: string,
  isPublic: boolean,
): Promise<string> {
  const { count } = await db.prisma.trainingConfig.updateMany({
    where: { id: uuid(id, 'config'), userId },
    data: { isPublic, updatedAt: new Date() },
  });
  if (count === 0) throw new NotFoundError('training config of yours', id);
  return id;
}

export async function createDataset(db: Lease, userId: string, raw: unknown): Promise<string> {
  const data = { ...validated(datasetInput, raw, ['input']), userId };
  const { id } = await db.prisma.trainingDataset.create({ data, select: { id: true } });
  return id;
}

export async function updateDataset(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
  const { name, storagePath, format } = validated(datasetPatch, raw, ['input']);
  const data = {
    ...(name !== undefined && { name }),
    ...(storagePath !== undefined && { storagePath }),
    ...(format !== undefined && { format }),
  };
  const { count } = await db.prisma.trainingDataset.updateMany({
    where: { id: uuid(id, 'dataset'), userId },
    data,
  });
  if (count === 0) throw new NotFoundError('training dataset of yours', id);
  return id;
}

/** Configs that name the dataset lose it. */
export async function deleteDataset(db: Lease, userId: string, id: string): Promise<void> {
  const { count } = await db.prisma.trainingDataset.deleteMany({
    where: { id: uuid(id, 'dataset'), userId },
  });
  if (count === 0) throw new NotFoundError('training dataset of yours', id);
}

async function linkDatasets(
  prisma: TransactionClient,
  configId: string,
  userId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const own = await prisma.trainingDataset.findMany({
    where: { id: { in: [...ids] }, userId },
    select: { id: true },
  });
  const found = new Set(own.map(({ id }) => id));
  const missing = ids.find((id) => !found.has(id.toLowerCase()));
  if (missing !== undefined) {
    throw new NotFoundError('training dataset of yours', missing, { path: ['input', 'datasetIds'] });
  }
  const data = [...found].map((datasetId) => ({ configId, datasetId }));
  await prisma.trainingConfigDataset.createMany({ data });
}

/** Postgres's code, and the one Prisma makes of it. */
const UNIQUE_VIOLATIONS = ['23505', 'P2002'];

async function uniquely<T>(publicId: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!UNIQUE_VIOLATIONS.includes(codeOf(error) ?? '')) throw error;
    throw new ConflictError(`The public id ${JSON.stringify(publicId)} is taken.`, {
      path: ['input', 'publicId'],
      remedy: 'Choose another: public ids are unique across all users.',
    });
  }
}

/** Postgres refuses to look for what is no uuid; there is no such row either way. */
function uuid(id: string, thing: 'config' | 'dataset'): string {
  if (!isUuid(id)) throw new NotFoundError(`training ${thing} of yours`, id);
  return id;
}

/** Checked to be JSON by the input's schema. */
function json(value: object): Prisma.InputJsonObject {
  return value as Prisma.InputJsonObject;
}
