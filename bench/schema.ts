import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import type { GraphQLSchema } from 'graphql';
import type PrismaTypes from '../src/generated/pothos-types.ts';
import { getDatamodel } from '../src/generated/pothos-types.ts';
import type { PrismaClient } from '../src/generated/prisma/client.ts';

export type BenchContext = { prisma: PrismaClient };

/** The two queries that are compared, asking for no more than what is selected, as the API does. */
export function benchSchema(): GraphQLSchema {
  const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes; Context: BenchContext }>({
    plugins: [PrismaPlugin],
    prisma: { client: ({ prisma }) => prisma, dmmf: getDatamodel() },
  });
  const execution = builder.prismaObject('TrainingExecution', {
    select: { id: true },
    fields: (t) => ({
      id: t.exposeID('id'),
      publicId: t.exposeString('publicId'),
      method: t.exposeString('method'),
      provider: t.exposeString('provider'),
      status: t.exposeString('status'),
      progress: t.exposeInt('progress'),
      createdAt: t.string({
        select: { createdAt: true },
        resolve: ({ createdAt }) => createdAt.toISOString(),
      }),
    }),
  });
  builder.queryType({
    fields: (t) => ({
      newest: t.prismaField({
        type: [execution],
        resolve: (query, _root, _args, { prisma }) =>
          prisma.trainingExecution.findMany({ ...query, take: 20, orderBy: { createdAt: 'desc' } }),
      }),
      execution: t.prismaField({
        type: execution,
        nullable: true,
        args: { id: t.arg.id({ required: true }) },
        resolve: (query, _root, { id }, { prisma }) =>
          prisma.trainingExecution.findFirst({ ...query, where: { id } }),
      }),
    }),
  });
  return builder.toSchema();
}
