/** What is drawn of the lanes: only what is in view, and no label over another. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LaneModel } from '../../inspector/model/lanes.ts'
import {
  type AxisKind,
  cursorPlace,
  followed,
  panned,
  placeOf,
  recordAtPlace,
  showing,
  turnedTo,
  usualScale,
  type Viewport,
  xOf,
  zoomed,
} from '../../inspector/view/lanes/axis.ts'
import { boxesOverlap, labelBox, placeLabels } from '../../inspector/view/lanes/labels.ts'
import { dotBeside, dotInNextLane, hitAt } from '../../inspector/view/lanes/nearest.ts'
import {
  arrowKey,
  movedBy,
  pointOf,
  runOf,
  type Scene,
  type SceneInput,
  sceneOf,
} from '../../inspector/view/lanes/scene.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { randomRecording, scenarioFiles, scenarioRecording } from './schedule-records.ts'

function modelOf(records: Parameters<LaneModel['add']>[0][]): LaneModel {
  const model = new LaneModel()
  for (const record of records) model.add(record)
  return model
}

const random = modelOf([...randomRecording(5, 1_500).records])
const axes: readonly AxisKind[] = ['order', 'time']

function scene(model: LaneModel, given: Partial<SceneInput> = {}): Scene {
  const viewport: Viewport = { axis: 'order', left: -0.7, scale: usualScale('order'), width: 1_150 }
  return sceneOf({
    model,
    viewport,
    height: 226,
    hidden: new Set(),
    cursor: model.end,
    originMs: 0,
    selected: null,
    picked: null,
    pointed: null,
    ...given,
  })
}

describe('what is drawn', () => {
  test('keeps its coordinates while the view moves over it, so that it is not drawn again', () => {
    for (const axis of axes) {
      const looks = [400, 400.37, 407.9].map((left) => {
        const viewport = { axis, left, scale: usualScale(axis), width: 1_150 }
        return movedBy(scene(random, { viewport }), runOf(viewport))
      })
      const [first, ...others] = looks.map(({ arrows, dots, cursorX }) => ({
        cursorX,
        dots: new Map(dots.map(({ dot, x }) => [dot.at, x])),
        arrows: new Map(arrows.map(({ arrow, x1, x2, bend }) => [arrow.id, [x1, x2, bend.toFixed(3)]])),
      }))
      for (const other of others) {
        expect(other.cursorX).toBe(first?.cursorX)
        const both = [...other.dots].filter(([at]) => first?.dots.has(at))
        expect(both.length).toBeGreaterThan(2)
        for (const [at, x] of both) expect(x).toBe(first?.dots.get(at))
        const arrows = [...other.arrows].filter(([id]) => first?.arrows.has(id))
        expect(arrows.length).toBeGreaterThan(2)
        for (const [id, place] of arrows) expect(place).toEqual(first?.arrows.get(id))
      }
    }
  })

  test('has small coordinates, however far the view is', () => {
    expect(runOf({ axis: 'order', left: 3_000_000, scale: 34, width: 1_000 })).toBeLessThan(10_000)
    expect(runOf({ axis: 'order', left: -3, scale: 34, width: 1_000 })).toBeGreaterThanOrEqual(0)
  })
})

describe('labels', () => {
  test('none covers another or leaves the picture, and one with room is there', () => {
    const bounds = { left: 0, right: 800, top: 20, bottom: 300 }
    const place = fc.record({ x: fc.integer({ min: -50, max: 850 }), y: fc.integer({ min: 0, max: 320 }) })
    const wish = fc.record({
      key: fc.string(),
      className: fc.constant(''),
      text: fc.string({ minLength: 1, maxLength: 24 }),
      places: fc.array(place, { minLength: 1, maxLength: 5 }),
    })
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 60 }), (wishes) => {
        const placed = placeLabels(wishes, bounds)
        const boxes = placed.map(labelBox)
        for (const [i, box] of boxes.entries()) {
          expect(box.left).toBeGreaterThanOrEqual(bounds.left)
          expect(box.bottom).toBeLessThanOrEqual(bounds.bottom)
          for (const other of boxes.slice(i + 1)) expect(boxesOverlap(box, other)).toBe(false)
        }
        // What is not drawn had no room at any of its places.
        const drawn = new Set(placed.map(({ key, text }) => `${key} ${text}`))
        for (const { key, text, places } of wishes) {
          if (drawn.has(`${key} ${text}`)) continue
          for (const { x, y } of places) {
            const box = labelBox({ text, x, y })
            const fits = box.left >= 0 && box.right <= 800 && box.top >= 20 && box.bottom <= 300
            if (fits) expect(boxes.some((other) => boxesOverlap(box, other))).toBe(true)
          }
        }
      }),
    )
  })

  test.each(
    scenarioFiles,
  )('%s: they cover neither each other nor a dot nor the cross of a lost message, wherever one looks', (file) => {
    const model = modelOf([...scenarioRecording(file).records])
    for (const axis of axes) {
      for (const zoom of [0.5, 1, 2.5]) {
        for (let at = 0; at < model.end; at += 25) {
          const left = placeOf(model, axis, at)
          const viewport = { axis, left, scale: usualScale(axis) * zoom, width: 1_150 }
          const { labels, dots, arrows } = scene(model, { viewport })
          const crosses = arrows
            .filter(({ state }) => state === 'lost' || state === 'unreceived')
            .map(({ x2, y2 }) => ({ x: x2, y: y2 }))
          const boxes = labels.map(labelBox)
          for (const [i, box] of boxes.entries()) {
            for (const other of boxes.slice(i + 1)) expect(boxesOverlap(box, other)).toBe(false)
            const covered = [...dots, ...crosses].filter(
              ({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom,
            )
            expect(covered).toEqual([])
          }
        }
      }
    }
  })

  test('what is pointed at is labelled before all others', () => {
    const model = modelOf([...scenarioRecording('duel.txt').records])
    const { arrows, labels } = scene(model)
    const labelled = new Set(labels.map(({ key }) => key))
    const hidden = arrows.find(
      ({ arrow, state }) => state === 'received' && !labelled.has(`arrow ${arrow.id}`),
    )
    expect(hidden).toBeDefined()
    const id = hidden!.arrow.id
    const shown = scene(model, { pointed: { type: 'arrow', id } }).labels
    expect(shown.map(({ key }) => key)).toContain(`arrow ${id}`)
  })
})

describe('what is not in view', () => {
  test('is not drawn, and what is drawn is bounded, however many records there are', () => {
    for (let at = 0; at < random.end; at += 100) {
      const left = placeOf(random, 'order', at)
      const { dots, arrows } = scene(random, {
        viewport: { axis: 'order', left, scale: 34, width: 1_150 },
      })
      expect(dots.length).toBeLessThanOrEqual(1_150 / 34 + 3)
      for (const { x } of dots) {
        expect(x).toBeGreaterThanOrEqual(-34)
        expect(x).toBeLessThanOrEqual(1_150 + 34)
      }
      for (const { arrow } of arrows) {
        const isFar = (record: number | null) => record === null || xOf(random, view(left), record) > 1_190
        expect(isFar(arrow.sentAt) && isFar(arrow.receivedAt) && isFar(arrow.fateAt)).toBe(false)
      }
    }
  })

  const view = (left: number): Viewport => ({ axis: 'order', left, scale: 34, width: 1_150 })

  test('from far away nothing is labelled', () => {
    const { isDense, labels } = scene(random, {
      viewport: { axis: 'order', left: 0, scale: 2, width: 1_150 },
    })
    expect(isDense).toBe(true)
    expect(labels).toEqual([])
  })

  test('kinds that are hidden are not drawn', () => {
    const duel = modelOf([...scenarioRecording('duel.txt').records])
    const { arrows } = scene(duel, { hidden: new Set(['prepare', 'own']) })
    expect(arrows.length).toBeGreaterThan(2)
    expect(arrows.filter(({ arrow }) => arrow.kind === 'prepare' || arrow.kind === 'own')).toEqual([])
  })
})

describe('from left to right', () => {
  test.each(axes)('by %s: no record is left of the one before it, and each is found again', (axis) => {
    let last = -1
    for (let at = 0; at < random.end; at += 1) {
      const place = placeOf(random, axis, at)
      expect(place).toBeGreaterThanOrEqual(last)
      last = place
      expect(placeOf(random, axis, recordAtPlace(random, axis, place))).toBe(place)
      if (random.dot(at) !== null) expect(recordAtPlace(random, axis, place)).toBeLessThanOrEqual(at)
    }
  })

  test.each(axes)('by %s: the cursor is after what is shown and before what is not', (axis) => {
    for (let cursor = 1; cursor < random.end; cursor += 1) {
      const place = cursorPlace(random, axis, cursor)
      const dots = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => from + i).filter((at) => random.dot(at) !== null)
      const before = dots(Math.max(0, cursor - 8), cursor).at(-1)
      const [after] = dots(cursor, Math.min(random.end, cursor + 8))
      if (before !== undefined) expect(placeOf(random, axis, before)).toBeLessThan(place)
      if (after !== undefined) expect(placeOf(random, axis, after)).toBeGreaterThan(place)
    }
  })

  test('zooming keeps what is at the pointer there', () => {
    const viewport: Viewport = { axis: 'order', left: 40, scale: 34, width: 1_000 }
    const at = recordAtPlace(random, 'order', 50)
    const x = xOf(random, viewport, at)
    for (const factor of [1.4, 0.7, 100, 0.001]) {
      expect(xOf(random, zoomed(viewport, factor, x), at)).toBeCloseTo(x)
    }
  })

  test('the view stays where records are, follows the cursor and shows what it is told to', () => {
    const viewport: Viewport = { axis: 'order', left: 40, scale: 34, width: 1_000 }
    expect(panned(random, viewport, -1e9).left).toBeCloseTo(-24 / 34)
    const last = placeOf(random, 'order', random.end)
    expect(panned(random, viewport, 1e9).left).toBeLessThan(last)
    const cursor = 500
    const x = (cursorPlace(random, 'order', cursor) - followed(random, viewport, cursor).left) * 34
    expect(x).toBeCloseTo(860)
    for (const at of [0, 200, 700, random.end - 1]) {
      const shown = xOf(random, showing(random, viewport, at), at)
      expect(shown).toBeGreaterThanOrEqual(0)
      expect(shown).toBeLessThanOrEqual(1_000)
    }
  })

  test('turned to the other axis, the middle stays', () => {
    const viewport: Viewport = { axis: 'order', left: 300, scale: 34, width: 1_000 }
    const at = recordAtPlace(random, 'order', 300 + 500 / 34)
    expect(xOf(random, turnedTo(random, viewport, 'time'), at)).toBeCloseTo(500)
  })
})

describe('the pointer and the keys', () => {
  const model = modelOf([...scenarioRecording('duel.txt').records])
  const drawn = scene(model)

  test('find what is drawn, a dot before a line', () => {
    for (const dot of drawn.dots) {
      expect(hitAt(drawn, dot.x, dot.y)).toEqual({ type: 'dot', dot })
    }
    expect(hitAt(drawn, -500, -500)).toBeNull()
    const arrow = drawn.arrows.find(({ state }) => state === 'received')!
    const middle = pointOf(arrow, 0.5)
    const hit = hitAt({ dots: [], labels: [], arrows: [arrow] }, middle.x, middle.y + 5)
    expect(hit).toEqual({ type: 'arrow', arrow })
    for (const { key, x, y } of drawn.labels.filter((label) => label.key.startsWith('arrow'))) {
      const labelled = hitAt({ ...drawn, dots: [] }, x, y)
      expect(labelled?.type === 'arrow' && arrowKey(labelled.arrow.arrow.id)).toBe(key)
    }
  })

  test('tell arrows apart that go from one dot to several lanes, and none goes back in time', () => {
    const crossing = drawn.arrows.filter(({ bend }) => bend > 0)
    expect(crossing.length).toBeGreaterThan(3)
    for (const arrow of crossing) {
      for (let part = 0; part < 1; part += 0.1) {
        expect(pointOf(arrow, part + 0.1).x).toBeGreaterThanOrEqual(pointOf(arrow, part).x)
      }
      const others = drawn.arrows.filter(
        ({ x1, y1, bend }) => x1 === arrow.x1 && y1 === arrow.y1 && bend === 0,
      )
      const middle = pointOf(arrow, 0.5)
      expect(hitAt({ dots: [], labels: [], arrows: [arrow, ...others] }, middle.x, middle.y)).toMatchObject({
        arrow,
      })
    }
  })

  test('left and right lead through all that happened, in order', () => {
    const visited: number[] = []
    for (let at = dotBeside(model, -1, 1); at !== null; at = dotBeside(model, at, 1)) visited.push(at)
    expect(visited).toEqual(model.window(0, model.end).dots.map(({ at }) => at))
    expect(dotBeside(model, visited[0]!, -1)).toBeNull()
  })

  test('up and down lead to the nearest dot of the next lane', () => {
    const [first] = drawn.dots.filter(({ dot }) => dot.party === 1)
    const below = dotInNextLane(drawn, first!.dot.at, 1)
    expect(model.dot(below!)?.party).toBe(2)
    const above = dotInNextLane(drawn, first!.dot.at, -1)
    expect(model.dot(above!)?.party).toBe(0)
    expect(dotInNextLane(drawn, below!, 1)).toBeNull()
  })
})

describe('the lanes', () => {
  test('of a server are there as long as it is', () => {
    const model = modelOf([...scenarioRecording('crash-between-persist-and-send.txt').records])
    const whole = scene(model, { viewport: { axis: 'order', left: -1, scale: 10, width: 3_000 } })
    const states = whole.lanes.flatMap(({ parts }) => parts.map(({ state }) => state))
    expect(new Set(states)).toEqual(new Set(['silent', 'up', 'gone']))
    for (const { parts } of whole.lanes) {
      for (const [i, part] of parts.entries()) if (i > 0) expect(part.from).toBe(parts[i - 1]!.to)
    }
  })

  test('of clients that do something stay where they are, and the others share one', () => {
    const requestFrom = (client: number): InspectorRecord => ({
      kind: 'server',
      node: 0,
      incarnation: 'i',
      run: 'r',
      record: {
        kind: 'step',
        clock: 1,
        timeMs: 1,
        cause: {
          type: 'request',
          message: { type: 'request', uid: `c${client}@0`, ackedBelow: 1, requests: [{ seq: 1, command }] },
          replyTo: 'x',
        },
        moves: [],
        facts: [],
        writes: 0,
        roles: {},
      },
    })
    const command = { kind: 'service', body: null } as const
    const model = new LaneModel()
    const names = new Set<string>()
    for (let i = 0; i < 200; i += 1) {
      model.add(requestFrom(i % 12))
      if (i < 12) continue
      const { lanes } = scene(model)
      names.add(lanes.map(({ name }) => name).join(' | '))
    }
    expect([...names]).toEqual([
      'other clients | client c0 | client c1 | client c2 | client c3 | client c4 | client c5 | server 0',
    ])
    const low = scene(model, { height: 120 })
    const few = ['other clients', 'client c0', 'client c1', 'client c2', 'server 0']
    expect(low.lanes.map(({ name }) => name)).toEqual(few)
    expect(low.height).toBe(120)
    // Once only another is in view, it has a lane, though others came before it.
    for (let i = 0; i < 100; i += 1) model.add(requestFrom(12))
    const start = { axis: 'order', left: 0, scale: usualScale('order'), width: 1_150 } as const
    const later = scene(model, { height: 120, viewport: followed(model, start, model.end) })
    expect(later.lanes.map(({ name }) => name)).toEqual([
      'other clients',
      'client c0',
      'client c1',
      'client c12',
      'server 0',
    ])
  })
})
