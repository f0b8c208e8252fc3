import { expect, test } from 'vitest'
import { assign, createActor, emit, setup } from 'xstate'
import { quickLogic } from '../../src/core/quick-logic.ts'

const machine = setup({
  types: {
    context: {} as { readonly tries: number },
    events: {} as { readonly type: 'go' | 'stay' | 'back' | 'fail' },
    emitted: {} as { readonly type: 'tried'; readonly tries: number },
  },
  delays: { pause: ({ context }) => 10 * context.tries },
  actions: {
    recordTry: assign(({ context }) => ({ tries: context.tries + 1 })),
    sendTries: emit(({ context }) => ({ type: 'tried', tries: context.tries })),
    fail: assign(() => {
      throw new Error('broken')
    }),
  },
}).createMachine({
  id: 'm',
  context: () => ({ tries: 0 }),
  initial: 'idle',
  on: { stay: { actions: ['recordTry', 'sendTries'] }, fail: { actions: ['sendTries', 'fail'] } },
  states: {
    idle: { on: { go: 'trying' } },
    trying: {
      entry: ['recordTry', 'sendTries'],
      after: { pause: { target: 'trying', reenter: true } },
      on: { back: 'idle' },
    },
  },
})

/** Runs the machine as an actor, and lists all that it does. `fire` sends the event of the last timer. */
function actorOf(logic: typeof machine) {
  const did: unknown[] = []
  const timers: (() => void)[] = []
  const clock = {
    setTimeout(run: () => void, ms: number) {
      did.push(['timer', ms])
      return timers.push(run) - 1
    },
    clearTimeout: (id: unknown) => did.push(['cancel', id]),
  }
  const actor = createActor(logic, { clock })
  actor.on('*', (output) => did.push([output, actor.getSnapshot().value]))
  actor.subscribe({
    next: ({ value, context }) => did.push([value, context]),
    error: (error) => did.push(String(error)),
  })
  actor.start()
  return { actor, did, fire: () => timers.at(-1)?.() }
}

test('an actor with quick steps does the same as one with the steps of XState, also when inspection begins and ends', () => {
  let isInspected = false
  const quick = actorOf(quickLogic(machine, () => isInspected))
  const own = actorOf(machine)
  for (const act of [
    'stay',
    'back',
    'go',
    'stay',
    'fire',
    'inspect',
    'fire',
    'back',
    'go',
    'fire',
    'fail',
    'go',
  ]) {
    for (const { actor, fire } of [quick, own]) {
      if (act === 'fire') fire()
      else if (act === 'inspect') isInspected = !isInspected
      else actor.send({ type: act as 'go' })
    }
    expect(quick.did, act).toEqual(own.did)
  }
  expect(own.did).toContain('Error: broken')
  expect(own.did).toContainEqual(['timer', 40])
})
