/** Replays paths against both engines, and against the live one alone. */

import { expect } from 'vitest'
import type { AnyMachineSnapshot, InspectionEvent } from 'xstate'
import { drawRandom } from '../../../machines/random.ts'
import type { Chart, Happening } from './chart.ts'
import { isDelay, LiveEngine, SteppedEngine } from './engines.ts'

const nobody = (): void => undefined

/**
 * Expects a live actor and `src/core/step.ts` to do the same at each event of a path, which is chosen as it goes: state, context,
 * everything said in order, timers begun and given up. `inspect` watches the live actor.
 */
export function expectSame(
  { machine, input }: Chart,
  next: (stepped: SteppedEngine, taken: number) => Happening | undefined,
  inspect: (event: InspectionEvent) => void = nobody,
): void {
  const stepped = new SteppedEngine(machine, input)
  const live = new LiveEngine(machine, input, inspect)
  expect(live.began).toStrictEqual(stepped.began)
  const taken: Happening[] = []
  for (let event = next(stepped, 0); event !== undefined; event = next(stepped, taken.length)) {
    taken.push(event)
    const timer = isDelay(event) ? stepped.timerOf(event).place : null
    const wanted = stepped.take(event)
    expect(live.take(event, timer), `after ${JSON.stringify(taken)}`).toStrictEqual(wanted)
  }
}

/**
 * Chooses what happens next at random, from a seed: first one of the types, then one of its cases, so that an event with
 * many cases does not come before the others.
 */
export function randomWalk(
  happenings: (snapshot: AnyMachineSnapshot) => readonly Happening[],
  seed: number,
  length: number,
): (stepped: SteppedEngine, taken: number) => Happening | undefined {
  let random = seed
  const oneOf = <T>(items: readonly T[]): T | undefined => {
    const drawn = drawRandom(random)
    random = drawn.seed
    return items[Math.floor(drawn.value * items.length)]
  }
  return (stepped, taken) => {
    if (taken >= length) return undefined
    const possible = [...happenings(stepped.snapshot), ...stepped.delays]
    const type = oneOf([...new Set(possible.map((event) => event.type))])
    return oneOf(possible.filter((event) => event.type === type))
  }
}
