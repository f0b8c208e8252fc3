/** Reads the lines of a snapshot, and checks the form of each. */
import type { Outcome } from '../../../machines/outcome.ts'
import { type SnapshotHead, type SnapshotLine, snapshotFormat } from '../snapshot.ts'

/** Reads the first line. Throws an Error with the reason when it does not begin a snapshot of `service`. */
export function headIn(text: string, service: string): SnapshotHead {
  const head = parsed(text)
  if (typeof head !== 'object' || head === null || !('format' in head)) {
    throw new Error(`not a snapshot: it begins with ${shown(text)}`)
  }
  const fields = head as { readonly [Field in keyof SnapshotHead]?: unknown }
  if (fields.format !== snapshotFormat) {
    throw new Error(
      `a snapshot of format ${fields.format}: this version reads format ${snapshotFormat}; start a server of the version that wrote it`,
    )
  }
  if (fields.service !== service) {
    throw new Error(
      `a snapshot of the service ${fields.service}: start the server with that service, not ${service}`,
    )
  }
  const { firstUnexecuted, clockMs, runningDigest, members, quotaBytes, serviceBytes, serviceVersion } =
    fields
  const areCounts = [firstUnexecuted, clockMs, quotaBytes, serviceBytes, serviceVersion].every(isCount)
  if (
    !areCounts ||
    typeof runningDigest !== 'string' ||
    !Array.isArray(members) ||
    !members.every(isMember)
  ) {
    throw new Error(`not a snapshot: its head is ${shown(text)}`)
  }
  return head as SnapshotHead
}

/** Reads another line. Throws an Error that shows it when it has no form that a snapshot has. */
export function lineIn(text: string): SnapshotLine {
  const line = parsed(text)
  if (!Array.isArray(line) || !isKind(line[0])) throw new Error(`it is ${shown(text)}, of no known kind`)
  const { fields, optional = 0 } = forms[line[0]]
  const given = line.length - 1
  const isComplete = given <= fields.length && given >= fields.length - optional
  // A loop is faster here, and a snapshot may have millions of lines.
  for (let place = 0; place < given; place += 1) {
    if (!isComplete || fields[place]?.(line[place + 1]) !== true) {
      throw new Error(`it is ${shown(text)}: field ${place + 1} of ${line[0]} is wrong, or their number is`)
    }
  }
  if (!isComplete) throw new Error(`it is ${shown(text)}: ${line[0]} has too few fields`)
  return line as unknown as SnapshotLine
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isTextOrNull: Check = (value) => value === null || typeof value === 'string'
const isFlag: Check = (value) => typeof value === 'boolean'
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0
const isCountOrNull: Check = (value) => value === null || isCount(value)
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const isAny: Check = () => true

/** The fields of each kind after its name, and how many of the last ones may be missing. */
const forms: {
  readonly [Kind in SnapshotLine[0]]: { readonly fields: readonly Check[]; readonly optional?: number }
} = {
  session: {
    fields: [
      ...[isText, isCountOrNull, isCountOrNull, isFlag, isFlag],
      ...[isCount, isCount, isCount, isCount],
    ],
  },
  ended: { fields: [isCount, isOutcome, isTextOrNull] },
  waiting: { fields: [isCount, isCount, isTextOrNull, isTextOrNull, isTexts], optional: 1 },
  timer: { fields: [isText, isCount] },
  state: { fields: [isAny] },
  end: { fields: [isCount] },
}

function isKind(kind: unknown): kind is SnapshotLine[0] {
  return typeof kind === 'string' && Object.hasOwn(forms, kind)
}

/** True for an outcome that a session keeps. */
function isOutcome(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const outcome = value as { readonly [field: string]: unknown }
  if (!isCount(outcome.instance) || !isCount(outcome.index)) return false
  switch (outcome.kind as Outcome['kind']) {
    case 'executed':
      return outcome.result !== undefined
    case 'failed':
      return typeof outcome.error === 'string'
    case 'overQuota':
      return isCount(outcome.sizeBytes) && isCount(outcome.growthBytes) && isCount(outcome.quotaBytes)
    case 'cancelled':
      return true
    default:
      return false
  }
}

function isMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { id, address, incarnation, joining = '' } = value as { readonly [field: string]: unknown }
  return isCount(id) && isText(address) && isTextOrNull(incarnation) && isText(joining)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`not a snapshot: ${shown(text)} is no JSON`)
  }
}

const longestShown = 60

function shown(text: string): string {
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`
}
