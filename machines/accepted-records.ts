/** The records of an acceptor: one for each instance, in order of instance. */
import type { AcceptedRecord, Instance } from './batch.ts'

/** The record of `instance`, if there is one. */
export function recordAt(
  accepted: readonly AcceptedRecord[],
  instance: Instance,
): AcceptedRecord | undefined {
  return accepted.find((record) => record.instance === instance)
}

/** The records after `record` replaced the one for its instance. */
export function withRecord(accepted: readonly AcceptedRecord[], record: AcceptedRecord): AcceptedRecord[] {
  if (accepted.every(({ instance }) => instance < record.instance)) return [...accepted, record]
  const others = accepted.filter((other) => other.instance !== record.instance)
  return [...others, record].sort((a, b) => a.instance - b.instance)
}
