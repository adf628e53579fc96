const isLetter = (character: string | undefined): boolean =>
  character !== undefined && character.toLowerCase() !== character.toUpperCase()

/**
 * How often each word comes in `text`: one loop over its characters, which knows neither lines nor streams. It shares
 * nothing with the job whose counts it is to check. A word is letters, which an apostrophe may join.
 */
export function plainCount(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  let word = ''
  for (let at = 0; at <= text.length; at++) {
    const character = text[at]
    const joins = (character === "'" || character === '’') && word !== '' && isLetter(text[at + 1])
    if (isLetter(character) || joins) {
      word += character!.toLowerCase()
    } else if (word !== '') {
      counts.set(word, (counts.get(word) ?? 0) + 1)
      word = ''
    }
  }
  return counts
}
