package io.github.lora4j.tokenizer;

/**
 * A text as token ids, special tokens included. The arrays are of one length and belong to the caller.
 *
 * @param ids token ids
 * @param typeIds 0 for tokens of the first text, 1 for those of the second (as the tokenizer's template says)
 * @param starts index of each token's first char in the text it comes from; 0 for special tokens
 * @param ends index behind each token's last char; 0 for special tokens
 * @param truncated whether tokens were left out to keep a maximum length
 */
public record Encoding(int[] ids, int[] typeIds, int[] starts, int[] ends, boolean truncated) {

  /** Number of tokens. */
  public int length() {
    return ids.length;
  }
}
