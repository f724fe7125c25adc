package com.example;

import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.openai.OpenAiChatOptions;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Asks the base model and an adapter the same, through the server: an adapter is a model of its own name. */
@SpringBootApplication
public class Ask {

  /** BASE ADAPTER QUESTION. */
  public static void main(String[] args) {
    SpringApplication.run(Ask.class, args).close();
  }

  private static OpenAiChatOptions.Builder greedy(String model) {
    return OpenAiChatOptions.builder().model(model).temperature(0.0).maxTokens(24);
  }

  @Bean
  CommandLineRunner ask(ChatClient.Builder builder) {
    return args -> {
      ChatClient client = builder.build();
      for (int i = 0; i < 2; i++) {
        String model = args[i];
        System.out.println(model + ": " + client.prompt(args[2]).options(greedy(model)).call().content());
      }
      StringBuilder pieces = new StringBuilder();
      client.prompt(args[2]).options(greedy(args[1])).stream().content().toStream().forEach(pieces::append);
      System.out.println("streamed: " + pieces);
    };
  }
}
