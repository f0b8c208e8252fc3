import { expect, test } from 'vitest'
import { assign, createActor, setup } from 'xstate'
import { withEvent } from '../../machines/with-event.ts'

type Counted = { readonly type: 'counted'; readonly count: number }
type Named = { readonly type: 'named'; readonly name: string }

const counter = setup({
  types: { context: {} as { readonly sum: number }, events: {} as Counted | Named },
  guards: { isLarge: (_, { count }: { readonly count: number }) => count > 9 },
  actions: { add: assign(({ context }, { count }: Counted) => ({ sum: context.sum + count })) },
})

test('a guard and an action are given the event', () => {
  const machine = counter.createMachine({
    context: () => ({ sum: 0 }),
    on: { counted: [{ guard: withEvent('isLarge') }, { actions: withEvent('add') }] },
  })
  const actor = createActor(machine).start()
  actor.send({ type: 'counted', count: 3 })
  actor.send({ type: 'counted', count: 10 })
  actor.send({ type: 'counted', count: 4 })
  expect(actor.getSnapshot().context.sum).toBe(7)
})

test('the compiler refuses a name that is not there, and an event that does not fit', () => {
  // Each machine is only compiled here: XState finds a wrong name when it runs.
  const machines = [
    // @ts-expect-error No guard has this name.
    () => counter.createMachine({ context: { sum: 0 }, on: { counted: { guard: withEvent('isSmall') } } }),
    // @ts-expect-error No action has this name.
    () => counter.createMachine({ context: { sum: 0 }, on: { counted: { actions: withEvent('take') } } }),
    // @ts-expect-error The guard takes a count.
    () => counter.createMachine({ context: { sum: 0 }, on: { named: { guard: withEvent('isLarge') } } }),
    // @ts-expect-error The action takes a count.
    () => counter.createMachine({ context: { sum: 0 }, on: { named: { actions: withEvent('add') } } }),
  ]
  expect(machines).toHaveLength(4)
})
