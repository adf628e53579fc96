/** `1234567` as `1,234,567`. */
export const number = (value: number): string => value.toLocaleString('en-US')
