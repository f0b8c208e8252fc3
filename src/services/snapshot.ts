/** A replica as bytes. Equal states give equal bytes, even if different histories led to them. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { base64, bytesOfBase64, textOf, utf8 } from '../core/bytes.ts'
import { canonicalJson } from '../core/digest.ts'
import { type KeptCommand, keptDigest } from './kept-command.ts'
import type { Session } from './sessions.ts'
import type { Timer } from './timers.ts'

const format = 3

export interface ReplicaSnapshot {
  readonly service: string
  readonly firstUnexecuted: Instance
  readonly clockMs: number
  readonly members: readonly Member[]
  /** In order of uid. */
  readonly sessions: readonly SessionSnapshot[]
  /** In the order in which they fire. */
  readonly timers: readonly Timer[]
  /** The service's own snapshot. */
  readonly state: Uint8Array
}

export interface SessionSnapshot {
  readonly uid: string
  readonly ttlMs: number | null
  readonly deadlineMs: number | null
  readonly isRevoked: boolean
  readonly isKept: boolean
  readonly touchedSeq: number
  readonly ackedBelow: number
  readonly forgottenBelow: number
  readonly lastClockMs: number
  /** In order of seq. */
  readonly ended: readonly (readonly [seq: number, outcome: Outcome, commandDigest: string | null])[]
  /** In order of seq. */
  readonly waiting: readonly (readonly [
    seq: number,
    node: NodeId,
    key: string | null,
    commandDigest: string | null,
    uids?: readonly string[],
  ])[]
}

export function sessionSnapshots(sessions: Iterable<Session>): SessionSnapshot[] {
  return [...sessions]
    .sort((a, b) => (a.uid < b.uid ? -1 : 1))
    .map(({ uid, ttlMs, deadlineMs, isRevoked, isKept, ackedBelow, ended, waiting, ...rest }) => ({
      ...{ uid, ttlMs, deadlineMs, isRevoked, isKept, ackedBelow },
      touchedSeq: rest.touchedSeq,
      forgottenBelow: rest.forgottenBelow,
      lastClockMs: rest.lastClockMs,
      ended: [...ended]
        .sort(([a], [b]) => a - b)
        .map(([seq, { outcome, command }]) => [seq, outcome, digestOf(command)] as const),
      waiting: [...waiting]
        .sort(([a], [b]) => a - b)
        .map(([seq, { node, key, command, uids }]) =>
          uids === undefined
            ? ([seq, node, key, digestOf(command)] as const)
            : ([seq, node, key, digestOf(command), uids] as const),
        ),
    }))
}

function digestOf(command: KeptCommand | null): string | null {
  return command === null ? null : keptDigest(command)
}

export function encodeSnapshot(snapshot: ReplicaSnapshot): Uint8Array {
  const state = base64(snapshot.state)
  return utf8(canonicalJson({ ...snapshot, format, state }))
}

/** Throws when `bytes` are not a snapshot of a replica of `service`. The caller must check that they are undamaged. */
export function decodeSnapshot(service: string, bytes: Uint8Array): ReplicaSnapshot {
  const decoded = parsed(bytes)
  if (decoded.format !== format) {
    throw new Error(`a snapshot of format ${decoded.format}: this version reads format ${format}`)
  }
  if (decoded.service !== service) {
    throw new Error(
      `a snapshot of the service ${decoded.service}: start the server with that service, not ${service}`,
    )
  }
  return { ...decoded, state: bytesOfBase64(decoded.state) }
}

type Decoded = Omit<ReplicaSnapshot, 'state'> & { readonly format: number; readonly state: string }

function parsed(bytes: Uint8Array): Decoded {
  try {
    return JSON.parse(textOf(bytes))
  } catch (error) {
    throw new Error(`not a snapshot, in ${bytes.length} bytes: ${(error as Error).message}`)
  }
}
