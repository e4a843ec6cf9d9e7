import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  getOperationAST,
  type OperationTypeNode,
} from 'graphql';
import type { Identity, OperationContext } from './context.ts';
import { parsedBy } from './parsed-by.ts';
import type { Params } from './request-params.ts';
import type { Graphql } from './yoga.ts';

type Pipeline = ReturnType<Graphql['getEnveloped']>;

/** An operation that is valid, with the pipeline that is to run it. */
export type Prepared = {
  pipeline: Pipeline;
  document: DocumentNode;
  params: Params;
  type: OperationTypeNode;
};

/** Parses and validates, within the limits of documents. @returns undefined where the document has no such operation */
export function prepare(
  graphql: Graphql,
  params: Params,
  asked: { identity: Identity; signal: AbortSignal },
): Prepared | { errors: readonly GraphQLError[] } | undefined {
  const pipeline = graphql.getEnveloped({ socket: asked, params });
  // Of a long text Yoga's HTTP layer would make a stream first, which took it a third of a second a megabyte.
  const document = parsedBy(pipeline, params.query);
  if (document instanceof GraphQLError) return { errors: [document] };
  const errors = pipeline.validate(pipeline.schema, document);
  if (errors.length > 0) return { errors };
  const type = getOperationAST(document, params.operationName)?.operation;
  return type && { pipeline, document, params, type };
}

export async function argsOf({
  pipeline,
  document,
  params,
}: Prepared): Promise<ExecutionArgs & { contextValue: OperationContext }> {
  return {
    schema: pipeline.schema,
    document,
    contextValue: await pipeline.contextFactory(),
    variableValues: params.variables ?? {},
    ...(params.operationName != null && { operationName: params.operationName }),
  };
}
