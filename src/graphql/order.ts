import { builder } from './builder.ts';

export const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end of an order comes first.',
  values: {
    ASC: { value: 'asc', description: 'Oldest, or smallest, first.' },
    DESC: { value: 'desc', description: 'Newest, or largest, first.' },
  } as const,
});

export type Direction = 'asc' | 'desc';
export type Order<Field extends string> = { field: Field; direction: Direction };

/**
 * `<name>Order {field: <name>OrderField, direction}`, for the argument `orderBy` of a list.
 *
 * @param fields the model's fields that the list can be ordered by → description; the first is the default, descending
 */
export function orderInput<Field extends string>(name: string, fields: Readonly<Record<Field, string>>) {
  const entries = Object.entries<string>(fields);
  const OrderField = builder.enumType(`${name}OrderField`, {
    description: 'What to order by; equals are told apart by id, so pages never overlap.',
    values: Object.fromEntries(
      entries.map(([field, description]) => [screamed(field), { value: field as Field, description }]),
    ) as Record<string, { value: Field; description: string }>,
  });
  return builder.inputType(`${name}Order`, {
    description: 'The order of a list.',
    fields: (t) => ({
      field: t.field({
        type: OrderField,
        required: true,
        // The builder cannot tell that the values of an enum of generic values are these.
        defaultValue: entries[0]?.[0] as never,
        description: 'What to order by.',
      }),
      direction: t.field({
        type: OrderDirection,
        required: true,
        defaultValue: 'desc',
        description: 'Which end comes first.',
      }),
    }),
  });
}

/** createdAt → CREATED_AT */
function screamed(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
