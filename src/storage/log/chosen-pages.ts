/** Reads chosen batches from the segments of a log. */
import type { Batch, Instance } from '../../../machines/batch.ts'
import { type Process, until } from '../../core/process.ts'
import type { Files } from '../files.ts'
import type { Bytes } from './bytes.ts'
import type { ChosenIndex, Place } from './chosen-index.ts'
import { Damage } from './damage.ts'
import { intact } from './intact.ts'
import { pathOf, segmentName } from './layout.ts'
import { decodeRecord, instanceOf, lengthOf, refusalOfRecord } from './records.ts'

/** Records that are not further apart are read together. */
const gapBytes = 64 * 1_024
const spanBytes = 1_024 * 1_024

/** A stretch of a segment that is read at once. */
interface Span {
  readonly segment: number
  readonly offset: number
  endBytes: number
  readonly places: Place[]
}

/** The end of the page that begins at `from`: at most `limitBytes` of records, but at least one if there is one. */
export function pageEnd(index: ChosenIndex, from: Instance, limitBytes: number): Instance {
  let bytes = 0
  let to = from
  for (; to < index.count; to += 1) {
    bytes += index.lengthBytesAt(to)
    if (bytes > limitBytes && to > from) break
  }
  return to
}

/** Reads the batches of the instances from `from` to `to` - 1. Throws a `Damage` when one cannot be read or is not the one stored. */
export function* readChosen(
  files: Files,
  index: ChosenIndex,
  from: Instance,
  to: Instance,
): Process<Batch[]> {
  const batches: Batch[] = []
  for (const { segment, offset, endBytes, places } of spansOf(index, from, to)) {
    const path = pathOf(segmentName(segment))
    const read = yield* intact(until(files.read(path, offset, endBytes - offset)), path, offset)
    for (const place of places) {
      batches.push(batchIn(read, place, offset, path, from + batches.length))
    }
  }
  return batches
}

function batchIn(bytes: Bytes, place: Place, baseOffset: number, path: string, instance: Instance): Batch {
  const offset = place.offset - baseOffset
  const refusal = refusalOfRecord(bytes, offset, bytes.length)
  if (refusal !== null) throw new Damage(path, place.offset, refusal)
  if (lengthOf(bytes, offset) === place.lengthBytes && instanceOf(bytes, offset) === instance) {
    const record = decodeRecord(bytes, offset)
    if (record.type === 'accepted' || record.type === 'chosen') return record.batch
  }
  throw new Damage(path, place.offset, `the record is not that of instance ${instance}`)
}

function spansOf(index: ChosenIndex, from: Instance, to: Instance): readonly Span[] {
  const spans: Span[] = []
  for (let instance = from; instance < to; instance += 1) {
    const place = index.at(instance)
    const endBytes = place.offset + place.lengthBytes
    const last = spans.at(-1)
    const isNear =
      last !== undefined &&
      last.segment === place.segment &&
      place.offset >= last.endBytes &&
      place.offset <= last.endBytes + gapBytes &&
      endBytes <= last.offset + spanBytes
    if (isNear) {
      last.places.push(place)
      last.endBytes = endBytes
    } else spans.push({ segment: place.segment, offset: place.offset, endBytes, places: [place] })
  }
  return spans
}
