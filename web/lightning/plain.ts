/**
 * A foreign machine's text, for a log or a merchant's page: cut to so many characters, and without
 * what a terminal or a page would obey, such as escapes and marks that turn the direction.
 */
export const plain = (text: string, most: number): string =>
  text.slice(0, most).replace(/[\p{Cc}\p{Cf}]/gu, ' ');
