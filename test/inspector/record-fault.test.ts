import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { charts } from '../../inspector/charts/charts.ts'
import { litStep, stepOf } from '../../inspector/charts/lit.ts'
import { LaneModel } from '../../inspector/model/lanes.ts'
import { waitersByKey } from '../../inspector/model/queues.ts'
import { placeText, recordText } from '../../inspector/model/record-text.ts'
import { Timeline } from '../../inspector/model/timeline.ts'
import { batchOf, endingsOf } from '../../src/inspect/records/ledger.ts'
import { pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { recordFault } from '../../src/inspect/records/record-fault.ts'
import { outcomeText, requestText } from '../../src/messages/part-texts.ts'
import { process, verdict } from './build.ts'
import { scenarioFiles, scenarioRecording } from './schedule-records.ts'

const recordings = scenarioFiles.map((file) => scenarioRecording(file).records)

test('no record of a run is wrong', () => {
  for (const record of [...recordings.flat(), process('gone'), process('silent'), verdict(1)]) {
    expect(recordFault(record)).toBeNull()
  }
})

/** All that the page makes of the record that comes after `before`. */
function show(before: readonly InspectorRecord[], record: InspectorRecord): void {
  const timeline = new Timeline()
  timeline.add(before)
  const picture = pictureAfter(timeline.latest, record)
  for (const row of picture.ledger.rows) {
    batchOf(row)
    for (const { request, outcome } of endingsOf(row)) {
      if (request !== null) requestText(request)
      if (outcome !== null) outcomeText(outcome)
    }
  }
  waitersByKey(picture.servers)
  recordText(record)
  placeText(0, 1, record)
  const step = stepOf(record)
  if (step !== null) litStep(step, charts)
  timeline.add([record])
  new LaneModel().sync(timeline)
}

const odd = fc.constantFrom<unknown>(
  ...[
    null,
    0,
    -1,
    2 ** 60,
    'x',
    '',
    '<b>',
    [],
    {},
    [null],
    [[]],
    [{}],
    { type: 'accept' },
    true,
    '__proto__',
    undefined,
  ],
)

describe('a record of which a part is something else', () => {
  test('is found to be wrong, or breaks nothing', () => {
    let passed = 0
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), odd, (recording, place, part, value) => {
        const records = recordings[recording % recordings.length] ?? []
        const at = place % records.length
        const record = withPart(records[at], part, value)
        if (recordFault(record) !== null) return
        passed += 1
        show(records.slice(Math.max(0, at - 5), at), record as InspectorRecord)
      }),
      { numRuns: 3_000 },
    )
    expect(passed).toBeGreaterThan(100)
  })
})

/** A copy, with one of its parts replaced, however deep. */
function withPart(record: unknown, part: number, value: unknown): unknown {
  const copy = structuredClone(record)
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = []
  const visit = (holder: unknown) => {
    if (typeof holder !== 'object' || holder === null) return
    for (const key of Object.keys(holder)) {
      places.push({ holder: holder as Record<string, unknown>, key })
      visit((holder as Record<string, unknown>)[key])
    }
  }
  visit(copy)
  const chosen = places[part % places.length]
  if (chosen !== undefined) chosen.holder[chosen.key] = value
  return copy
}
