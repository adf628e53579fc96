/**
 * What a stream can be partitioned by: text, numbers, booleans, or arrays and plain objects of them. Two keys are
 * the same if their contents are; the order of an object's fields does not matter.
 */
export type Key = string | number | boolean | bigint | readonly Key[] | { readonly [field: string]: Key }
