import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getIntrospectionQuery,
  getOperationAST,
  type OperationDefinitionNode,
  type ParseOptions,
  parse,
  type Source,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { DocumentLimits } from '../../platform/config.ts';
import { createMeasure, LARGEST_PAGE, type Measured, type Sizing } from './cost.ts';
import { refusal } from './refusals.ts';
import { assertSubscriptionRoot } from './subscription-root.ts';
import { assertLength, assertTokens } from './tokens.ts';
import { refusedVariables } from './variables.ts';

/** A page of the playground has a handful; one of them is run. */
const MAX_OPERATIONS = 20;
/** What is wrong beyond that is not worth the search for names that look alike. */
const MAX_FAULTS = 10;
/** Introspection may cost a bit more than the query of all tools, which asks for everything once. */
const INTROSPECTION_MARGIN = 1.5;

/** What is known of an operation whose document has been let through. */
type Known = { sizedBy: readonly string[]; isWithinLimits: boolean };

/**
 * The limits of documents, for all transports: they are checked where the pipeline parses and validates, which it does
 * once for a document that keeps coming. What depends on variables is left to `refusalOf`, before each execution.
 */
export function createDocumentLimits(
  schema: GraphQLSchema,
  limits: DocumentLimits,
  { introspection }: { introspection: boolean },
) {
  const measure = createMeasure(schema);
  const standard = standardIntrospection(measure);
  const maxIntrospection = standard.introspection * INTROSPECTION_MARGIN;
  const known = new WeakMap<OperationDefinitionNode, Known>();
  const faultsOf = new WeakMap<DocumentNode, readonly GraphQLError[]>();

  /** Those of tools that read the schema are deeper than anything that reads data. */
  function depthOf({ introspection: asked }: { introspection: boolean }): number {
    return asked ? Math.max(limits.maxDepth, standard.depth) : limits.maxDepth;
  }

  function measured(document: DocumentNode, operation: OperationDefinitionNode, sizing: Sizing): Measured {
    const found = measure(document, operation, depthOf({ introspection: true }), sizing);
    assertMeasured(found);
    return found;
  }

  function assertMeasured({ introspection: asked, depth, rootFields }: Measured): void {
    if (asked > 0 && !introspection) {
      throw refusal('INTROSPECTION_OFF', 'This server does not answer introspection.');
    }
    if (asked > maxIntrospection) throw tooComplex(asked, maxIntrospection);
    const maxDepth = depthOf({ introspection: asked > 0 });
    if (depth > maxDepth) {
      throw refusal('QUERY_TOO_DEEP', `The operation nests fields more than ${maxDepth} deep.`, {
        extensions: { limit: maxDepth },
      });
    }
    if (rootFields > limits.maxRootFields) {
      const message = `The operation has ${rootFields} root fields; ${limits.maxRootFields} are allowed.`;
      throw refusal('TOO_MANY_ROOT_FIELDS', message, {
        extensions: { limit: limits.maxRootFields, found: rootFields },
      });
    }
  }

  function assertOperation(document: DocumentNode, operation: OperationDefinitionNode): void {
    const { cost, sizedBy } = measured(document, operation, 'largest');
    const isWithinLimits = cost <= limits.maxComplexity;
    known.set(operation, { sizedBy: [...sizedBy], isWithinLimits });
    if (isWithinLimits) return;
    const least = sizedBy.size === 0 ? cost : measured(document, operation, 'smallest').cost;
    if (least > limits.maxComplexity) throw tooComplex(least, limits.maxComplexity);
  }

  function assertDocument(document: DocumentNode): void {
    let operations = 0;
    for (const definition of document.definitions) {
      if (definition.kind === 'OperationDefinition') {
        operations += 1;
        if (operations > MAX_OPERATIONS) {
          throw refusal('TOO_MANY_OPERATIONS', `The document holds more than ${MAX_OPERATIONS} operations.`, {
            extensions: { limit: MAX_OPERATIONS },
          });
        }
        assertOperation(document, definition);
        assertSubscriptionRoot(document, definition);
      } else if (definition.kind === 'FragmentDefinition') {
        // Validation looks into fragments that nobody uses, too.
        measure(document, definition, depthOf({ introspection: true }), 'smallest');
      }
    }
  }

  function faultsIn(document: DocumentNode, rules: readonly ValidationRule[] | undefined) {
    try {
      assertDocument(document);
    } catch (error) {
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
    const faults = validate(schema, document, rules, { maxErrors: MAX_FAULTS });
    return introspection ? faults : faults.map(withoutSuggestion);
  }

  const parseWithin = (source: string | Source, options?: ParseOptions) => {
    assertTokens(bodyOf(source), limits);
    return parse(source, options);
  };
  const validateWithin = (
    _schema: GraphQLSchema,
    document: DocumentNode,
    rules?: readonly ValidationRule[],
  ) => {
    const faults = faultsIn(document, rules);
    faultsOf.set(document, faults);
    return faults;
  };

  const plugin: Plugin = {
    onParse({ params, setParseFn }) {
      assertLength(bodyOf(params.source));
      setParseFn(parseWithin);
    },
    onValidate({ params, setResult, setValidationFn }) {
      const faults = faultsOf.get(params.documentAST);
      if (faults) setResult(faults);
      else setValidationFn(validateWithin);
    },
  };

  return {
    plugin,
    /** Why an operation may not be executed with these variables; undefined where it may. */
    refusalOf({ document, operationName, variableValues }: ExecutionArgs): GraphQLError | undefined {
      if (variableValues) {
        const refused = refusedVariables(variableValues);
        if (refused) return refused;
      }
      const operation = getOperationAST(document, operationName);
      const seen = operation && known.get(operation);
      if (!seen || (seen.isWithinLimits && !seen.sizedBy.some((name) => isLarge(variableValues?.[name])))) {
        return undefined;
      }
      const { cost } = measured(document, operation, { variables: variableValues });
      return cost > limits.maxComplexity ? tooComplex(cost, limits.maxComplexity) : undefined;
    },
  };
}

/** Beyond what 'largest' stands for when a document is measured before its variables are known. */
function isLarge(value: unknown): boolean {
  return (typeof value === 'number' && value > LARGEST_PAGE) || Array.isArray(value);
}

function tooComplex(found: number, limit: number): GraphQLError {
  return refusal(
    'QUERY_TOO_COMPLEX',
    `The answer could hold ${Math.round(found)} values; ${Math.round(limit)} are allowed. Ask for smaller pages or fewer fields.`,
    { extensions: { limit: Math.round(limit), found: Math.round(found) } },
  );
}

/** "Did you mean …" tells the schema's names to whoever may not ask for them. */
export function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean .*\?$/s, '');
  if (message === error.message) return error;
  const { nodes, path, extensions } = error;
  return new GraphQLError(message, { ...(nodes && { nodes }), ...(path && { path }), extensions });
}

function bodyOf(source: string | Source): string {
  return typeof source === 'string' ? source : source.body;
}

/** What GraphiQL, codegen and IDEs send, with everything that can be asked for. */
function standardIntrospection(measure: ReturnType<typeof createMeasure>): Measured {
  const document = parse(
    getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    }),
  );
  const operation = getOperationAST(document);
  if (!operation) throw new Error('the standard introspection query has no operation');
  return measure(document, operation, Number.POSITIVE_INFINITY, 'largest');
}
