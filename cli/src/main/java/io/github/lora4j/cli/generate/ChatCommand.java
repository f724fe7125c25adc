package io.github.lora4j.cli.generate;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.chat.ChatSession;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.ChatTemplates;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Utf8;
import io.github.lora4j.train.language.Writing;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j chat}. */
@Command(name = "chat", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Talks with a model in the terminal, by the model's own chat template. /help lists what can be said beside messages;",
        "Ctrl-C stops an answer, and between answers ends the chat."})
public final class ChatCommand implements Callable<Integer> {

  private static final String PROMPT = "> ";
  private static final String PLAIN = "none";
  private static final String HELP = """
      /adapter NAME   answer with another adapter ("base": with none); /adapter alone lists them
      /system TEXT    another system message; the conversation begins anew
      /reset          forget the conversation
      /help           this list
      /exit           end the chat, as Ctrl-D does
      Ctrl-C          stops an answer; what there is of it stays part of the conversation
      """;

  @Spec
  private CommandSpec spec;

  @Mixin
  private ModelOptions model;

  @Option(names = "--system", paramLabel = "TEXT", description = "The system message.")
  private Optional<String> system;

  @Option(names = "--chat-template", paramLabel = "FILE", description = "A chat template (Jinja) in place of the model's.")
  private Optional<Path> template;

  /** Adds an option for each setting. */
  public static void addSettings(CommandSpec spec) {
    SettingOptions.add(spec);
  }

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (OpenModel open = new OpenModel(model, 1, true)) {
      GenerationConfig config = open.config(SettingOptions.given(spec));
      ChatTemplates own = ChatTemplates.load(open.directory().path());
      try (ChatSession chat = new ChatSession(open.text(), template(own, open), own.specialTokens());
          Interrupts interrupts = Interrupts.handle(chat::stop)) {
        open.alone().ifPresent(reason -> out.println("note: the adapter is always in use, since " + reason));
        system.ifPresent(chat::system);
        if (open.chooses()) {
          chat.adapter(open.names().getFirst());
        }
        out.printf("%s; /help lists the commands%n", open.directory().path());
        talk(out, open, chat, config, interrupts);
      }
    }
    return 0;
  }

  private ChatTemplate template(ChatTemplates own, OpenModel open) {
    open.templates().forEach((name, trained) -> {
      if (trained.hash().equals(PLAIN)) {
        throw new ConfigException(("adapter '%s' was trained on plain prompts and answers (chat_template: none), so it knows no turns; use `lora4j "
            + "generate`")
            .formatted(name));
      }
    });
    ChatTemplate chosen = chosen(own, open);
    open.templates().forEach((name, trained) -> {
      if (!trained.hash().equals(Writing.hash(chosen))) {
        throw new ConfigException(("adapter '%s' was trained with another chat template, of SHA-256 %s; this one has %s. Give that one by "
            + "--chat-template FILE")
            .formatted(name, trained.hash(), Writing.hash(chosen)));
      }
    });
    return chosen;
  }

  /** The template of the command line, of the adapter's training, or of the model, in this order. */
  private ChatTemplate chosen(ChatTemplates own, OpenModel open) {
    if (template.isPresent()) {
      return read(template.get());
    }
    String named = open.templates().values().stream().map(OpenModel.TrainedTemplate::named).filter(name -> !name.isEmpty() && !name.equals(PLAIN))
        .findFirst().orElse("");
    if (!named.isEmpty()) {
      return ModelTexts.of(open.directory().path()).template(named, false);
    }
    if (own.names().isEmpty()) {
      throw new ConfigException("the model has no chat template, so how it was trained to converse is not known; give one with "
          + "--chat-template, or continue texts with `lora4j generate`");
    }
    return own.choose(false);
  }

  private static ChatTemplate read(Path file) {
    try {
      return ChatTemplate.of(Files.readString(file), file.toString());
    } catch (CharacterCodingException e) {
      throw new FormatException("%s is not UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private void talk(PrintWriter out, OpenModel open, ChatSession chat, GenerationConfig config, Interrupts interrupts) {
    Utf8 in = new Utf8(System.in);
    boolean typed = System.console() != null && System.console().isTerminal();
    while (true) {
      prompt(out, typed);
      Optional<String> line = read(in);
      if (line.isEmpty() || line.get().strip().equals("/exit")) {
        out.println();
        out.flush();
        return;
      }
      String text = line.get().strip();
      try {
        if (text.startsWith("/")) {
          command(out, open, chat, text);
        } else if (!text.isEmpty()) {
          answer(out, chat, config, interrupts, line.get());
        }
      } catch (Lora4jException e) {
        // A message that is too long, or a name that is not there, is no reason to lose the conversation.
        out.println("error: " + e.getMessage());
      }
    }
  }

  private static void prompt(PrintWriter out, boolean typed) {
    if (typed) {
      out.print(PROMPT);
    }
    out.flush();
  }

  private static Optional<String> read(Utf8 in) {
    try {
      return in.line();
    } catch (CharacterCodingException e) {
      throw new FormatException("what was typed is not UTF-8 text; set the terminal's encoding to UTF-8", e);
    } catch (IOException e) {
      throw new ResourceException("standard input cannot be read: " + e.getMessage(), e);
    }
  }

  private static void answer(PrintWriter out, ChatSession chat, GenerationConfig config, Interrupts interrupts, String text) {
    interrupts.answering(true);
    try {
      Completion answer = chat.say(text, config, (sequence, piece) -> {
        out.print(piece);
        out.flush();
      });
      out.println(answer.reason() == FinishReason.CANCELLED ? " [stopped]" : answer.reason() == FinishReason.LENGTH ? " [max_new_tokens]"
          : answer.reason() == FinishReason.CONTEXT ? " [the context is full; /reset begins anew]" : "");
    } finally {
      interrupts.answering(false);
    }
  }

  private static void command(PrintWriter out, OpenModel open, ChatSession chat, String text) {
    String[] words = text.split("\\s+", 2);
    String rest = words.length > 1 ? words[1] : "";
    switch (words[0]) {
      case "/help" -> out.print(HELP);
      case "/reset" -> {
        chat.reset();
        out.println("the conversation begins anew");
      }
      case "/system" -> {
        chat.system(rest);
        out.println(rest.isEmpty() ? "no system message; the conversation begins anew" : "the conversation begins anew");
      }
      case "/adapter" -> adapter(out, open, chat, rest);
      default -> out.printf("there is no %s; /help lists the commands%n", words[0]);
    }
  }

  private static void adapter(PrintWriter out, OpenModel open, ChatSession chat, String name) {
    List<String> names = open.names();
    if (!open.chooses() && !names.isEmpty()) {
      out.printf("in use: %s, which cannot be changed here%n", names.getFirst());
    } else if (name.isEmpty()) {
      out.printf("base%s%nin use: %s%n", names.isEmpty() ? "" : ", " + String.join(", ", names),
          chat.adapter().isEmpty() || chat.adapter().equals(AdapterSet.BASE) ? "base" : chat.adapter());
    } else if (name.equals("base") && !names.contains(name)) {
      chat.adapter(open.chooses() ? AdapterSet.BASE : "");
      out.println("in use: base");
    } else if (names.contains(name)) {
      chat.adapter(name);
      out.println("in use: " + name);
    } else {
      out.printf("there is no adapter '%s'; there are: base%s%n", name, names.isEmpty() ? "" : ", " + String.join(", ", names));
    }
  }
}
