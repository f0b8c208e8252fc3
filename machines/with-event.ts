/** A guard or an action that receives the current event as its parameters. */

/**
 * The guard or action `type` with the event as its parameters. XState infers the type of the event at each use in a chart, and
 * the compiler refuses a guard or action with other parameters.
 */
export function withEvent<const Name extends string>(type: Name) {
  return { type, params: eventItself } as const
}

function eventItself<E>({ event }: { readonly event: E }): E {
  return event
}
