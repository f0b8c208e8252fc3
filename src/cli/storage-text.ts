import { damageRemedy } from '../storage/log/damage.ts'
import { formatTable } from './output.ts'
import { formatSize } from './sizes.ts'
import type { StorageCheck } from './storage-check.ts'

/** The result of `paxos storage check` as text. */
export function storageText(check: StorageCheck): string {
  const { damage, torn, server, state, head, snapshot, segments, unused } = check
  return [
    ...(damage === null ? [] : [`damaged: ${placeText(damage)}`, damageRemedy, '']),
    ...(torn === null
      ? []
      : [`torn tail: ${placeText(torn)}`, 'The next start drops it: a write was interrupted there.', '']),
    ...(check.verdict === 'sound' ? ['sound', ''] : []),
    ...(server === null
      ? []
      : [`server ${server.id} of the cluster ${server.cluster}, incarnation ${server.incarnation}`]),
    ...(state === null ? [] : [stateText(state)]),
    ...(snapshot === null ? [] : [snapshotText(snapshot)]),
    ...(head === null ? [] : [headText(head)]),
    ...(segments === null ? [] : ['', segmentTable(segments)]),
    ...(unused ?? []).map((file) => `${file} is no part of the store: the next start removes it`),
  ].join('\n')
}

/** `log/00000001.log, at byte 8192: the checksum of a group is wrong`. */
export function placeText({
  file,
  offset,
  reason,
}: {
  readonly file: string
  readonly offset: number | null
  readonly reason: string
}): string {
  return offset === null ? reason : `${file}, at byte ${offset}: ${reason}`
}

function stateText({ promised, accepted, firstUnchosen, floor }: NonNullable<StorageCheck['state']>): string {
  const ballot = promised === null ? 'nothing' : `${promised.round}.${promised.node}`
  return `promised ${ballot}, ${counted(accepted, 'accepted record')}, first unchosen instance ${firstUnchosen}${floor === 0 ? '' : `, chosen batches from instance ${floor} on`}`
}

function snapshotText({ file, instance, bytes }: NonNullable<StorageCheck['snapshot']>): string {
  return `snapshot: the state below instance ${instance}, ${formatSize(bytes)} in ${file}`
}

function headText({ file, offset, group, recordsAfter }: NonNullable<StorageCheck['head']>): string {
  const behind = recordsAfter === 0 ? 'nothing' : counted(recordsAfter, 'record')
  return `head: synced up to group ${group}, at byte ${offset} of ${file}; ${behind} after it`
}

const begunTexts = { opened: 'at a start', full: 'when full', snapshot: 'with a snapshot' } as const

function segmentTable(segments: NonNullable<StorageCheck['segments']>): string {
  return formatTable(
    ['SEGMENT', 'BEGUN', 'GROUPS', 'RECORDS', 'BYTES'],
    segments.map(({ file, begun, groups, records, bytes }) => [
      file,
      begunTexts[begun],
      String(groups),
      String(records),
      String(bytes),
    ]),
  )
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
