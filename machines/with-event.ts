/** A guard or an action with the event that is handled as its parameters. */

/**
 * The guard or action `type`, which is given the event. XState infers the type of the event at each place where this stands in a chart, and
 * the compiler refuses it where the guard or action of that name takes other parameters.
 */
export function withEvent<const Name extends string>(type: Name) {
  return { type, params: eventItself } as const
}

function eventItself<E>({ event }: { readonly event: E }): E {
  return event
}
