import type { StateDescriptor, StateSpec } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import { resolveTtl, type ResolvedTtl } from '../ttl.ts'
import { Aggregating } from './aggregating.ts'
import { DefaultedValue } from './defaulted-value.ts'
import { PlainList } from './plain-list.ts'
import { PlainMap } from './plain-map.ts'
import { PlainValue } from './plain-value.ts'
import { Reducing } from './reducing.ts'
import type { StateKindCode } from './state-kind.ts'
import { TtlList } from './ttl-list.ts'
import { TtlMap } from './ttl-map.ts'
import { TtlValue } from './ttl-value.ts'

export interface DeclaredState {
  readonly kind: StateKindCode
  /** What the user gets. */
  readonly handle: unknown
}

/** The code for each declared state; its index is the index of its slot in every row. */
export function createKinds(operatorUid: string, spec: StateSpec, table: RowTable): DeclaredState[] {
  return Object.entries(spec).map(([name, descriptor], slot) => {
    const ttl = resolveTtl(descriptor.ttl, `Operator '${operatorUid}', state '${name}'`)
    const description = { name, kind: descriptor.kind, ttl: ttl !== undefined }
    return createKind(descriptor, description, table, slot, ttl)
  })
}

function createKind(
  descriptor: StateDescriptor,
  description: StateDescription,
  table: RowTable,
  slot: number,
  ttl: ResolvedTtl | undefined,
): DeclaredState {
  if (descriptor.kind === 'list') {
    const list =
      ttl === undefined ? new PlainList(description, table, slot) : new TtlList(description, table, slot, ttl)
    return { kind: list, handle: list }
  }
  if (descriptor.kind === 'map') {
    const map =
      ttl === undefined ? new PlainMap(description, table, slot) : new TtlMap(description, table, slot, ttl)
    return { kind: map, handle: map }
  }
  const value =
    ttl === undefined
      ? new PlainValue<unknown>(description, table, slot)
      : new TtlValue<unknown>(description, table, slot, ttl)
  switch (descriptor.kind) {
    case 'value':
      return {
        kind: value,
        handle:
          descriptor.defaultValue === undefined ? value : new DefaultedValue(value, descriptor.defaultValue),
      }
    case 'reducing':
      return { kind: value, handle: new Reducing(value, descriptor.reduce) }
    case 'aggregating':
      return { kind: value, handle: new Aggregating(value, descriptor.aggregate) }
  }
}
