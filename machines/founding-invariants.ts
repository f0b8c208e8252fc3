/** Checks of the invariants that `founding.ts` states. */
import type { FoundingRecord } from './founding.ts'

/** For each field: how `record` violates its invariant, where `before` is the previous record; `null` when it does not. */
export const foundingInvariants = {
  founders: (record: FoundingRecord, before: FoundingRecord | null) => {
    const { node, incarnation, founders } = record
    if (founders !== null && !founders.some((name) => name.id === node && name.incarnation === incarnation)) {
      return 'its own incarnation is not in its list'
    }
    const held = before?.founders ?? null
    return held !== null && JSON.stringify(founders) !== JSON.stringify(held) ? 'it replaces its list' : null
  },
  isFounded: ({ isFounded, founders }: FoundingRecord) =>
    isFounded && founders === null ? 'the cluster is founded without a list' : null,
} satisfies {
  readonly [Field in keyof FoundingRecord]?: (
    record: FoundingRecord,
    before: FoundingRecord | null,
  ) => string | null
}

/** How `record` violates an invariant, where `before` is the previous record; `null` when it violates none. */
export function foundingFault(record: FoundingRecord, before: FoundingRecord | null): string | null {
  return foundingInvariants.founders(record, before) ?? foundingInvariants.isFounded(record)
}
