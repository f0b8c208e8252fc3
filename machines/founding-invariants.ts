/** What `founding.ts` states of the fields of a founder's record, as checks. */
import type { FoundingRecord } from './founding.ts'

/** By field: a sentence that says how `record`, which was `before`, breaks its invariant, or `null`. */
export const foundingInvariants = {
  founders: (record: FoundingRecord, before: FoundingRecord | null) => {
    const { node, incarnation, founders } = record
    if (founders !== null && !founders.some((name) => name.id === node && name.incarnation === incarnation)) {
      return 'its own incarnation is not in its list'
    }
    const held = before?.founders ?? null
    return held !== null && JSON.stringify(founders) !== JSON.stringify(held) ? 'it exchanges its list' : null
  },
  isFounded: ({ isFounded, founders }: FoundingRecord) =>
    isFounded && founders === null ? 'the cluster is founded without a list' : null,
} satisfies {
  readonly [Field in keyof FoundingRecord]?: (
    record: FoundingRecord,
    before: FoundingRecord | null,
  ) => string | null
}

/** How `record`, which was `before`, breaks an invariant of its fields; `null` when it breaks none. */
export function foundingFault(record: FoundingRecord, before: FoundingRecord | null): string | null {
  return foundingInvariants.founders(record, before) ?? foundingInvariants.isFounded(record)
}
