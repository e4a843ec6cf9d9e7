import {
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';

/** How long the lists in the schema's description of itself are: on average, but for types and directives. */
export function introspectionSizes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap());
  const withFields = types.filter((type) => isObjectType(type) || isInterfaceType(type));
  const fields = withFields.flatMap((type) => Object.values(type.getFields()));
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', schema.getDirectives().length],
    ['__Directive.args', 2],
    // Every other type of a field or an argument wraps another one, and tools ask for nine such levels.
    ['__Type.ofType', 0.5],
    ['__Type.fields', mean(fields.length, withFields.length)],
    [
      '__Field.args',
      mean(
        count(fields, ({ args }) => args.length),
        fields.length,
      ),
    ],
    [
      '__Type.interfaces',
      mean(
        count(withFields, (type) => type.getInterfaces().length),
        withFields.length,
      ),
    ],
    ['__Type.possibleTypes', sizeOfParts(types.filter(isUnionType), (type) => type.getTypes().length)],
    ['__Type.enumValues', sizeOfParts(types.filter(isEnumType), (type) => type.getValues().length)],
    [
      '__Type.inputFields',
      sizeOfParts(types.filter(isInputObjectType), (type) => Object.keys(type.getFields()).length),
    ],
  ]);
}

function sizeOfParts<T>(types: readonly T[], parts: (type: T) => number): number {
  return mean(count(types, parts), types.length);
}

function count<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((sum, item) => sum + size(item), 0);
}

function mean(sum: number, among: number): number {
  return Math.max(1, Math.ceil(sum / Math.max(1, among)));
}
