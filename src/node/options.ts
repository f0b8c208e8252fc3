import type { Address } from '../../machines/batch.ts'
import { isWildcard, listenAddress, reachableAddress } from '../address.ts'
import { StartError } from './errors.ts'
import type { NodeOptions } from './node.ts'

/**
 * `options` with every address in canonical form. Throws a `StartError`, with the option and the value received, when one is
 * no address, or leads others nowhere.
 */
export function canonicalOptions(options: NodeOptions): NodeOptions {
  const { listen, advertise, join, inspect, bootstrap } = options
  if (advertise === undefined && isWildcard(checked('listen', listen, listenAddress))) {
    throw new StartError(
      `the option listen is ${listen}, which leads others nowhere: give the option advertise, where others find the server`,
    )
  }
  return {
    ...options,
    listen: checked('listen', listen, listenAddress),
    ...(advertise !== undefined && { advertise: checked('advertise', advertise, reachableAddress) }),
    ...(join !== undefined && { join: checked('join', join, reachableAddress) }),
    ...(inspect !== undefined && { inspect: checked('inspect', inspect, reachableAddress) }),
    ...(bootstrap !== undefined && {
      bootstrap: {
        ...bootstrap,
        members: bootstrap.members.map(({ id, address }) => ({
          id,
          address: checked('bootstrap.members', address, reachableAddress),
        })),
      },
    }),
  }
}

function checked(option: string, given: Address, canonical: (text: string) => Address): Address {
  try {
    return canonical(given)
  } catch (error) {
    throw new StartError(`the option ${option}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
