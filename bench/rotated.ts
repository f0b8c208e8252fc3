/** The elements from `first` on, and then those before it: the order of a round in which another contender begins. */
export function rotated<Element>(elements: readonly Element[], first: number): readonly Element[] {
  const place = elements.length === 0 ? 0 : first % elements.length
  return [...elements.slice(place), ...elements.slice(0, place)]
}
