package io.github.lora4j.train.export;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeKeys;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The model an adapter was trained on, with its head: as the adapter's own record says, or PEFT's task_type with the tensors and the base's
 * config.json. What none of them says is not claimed.
 *
 * @param prefix what the adapter's names of a base model without a head begin with: "bert." where it was trained under a head that it does
 *     not hold
 * @param labels names of the classes; empty where nobody knows
 * @param problemType Hugging Face's problem_type; empty where nobody knows
 */
record AdaptedModel(Model model, String prefix, List<String> labels, Optional<String> problemType) {

  private static final String FIRST = "LABEL_";

  /** What a run trained. */
  static AdaptedModel of(Recipe recipe, ModelDirectory base) {
    return of(recipe.task().settled(base).on(base, recipe.data().labels()), recipe.data().labels());
  }

  private static AdaptedModel of(RecordedTask program, List<String> labels) {
    return new AdaptedModel(program.model(), "", labels, program.problemType());
  }

  /**
   * What an adapter directory was trained on.
   *
   * @throws ConfigException when its kind of head cannot be known, or is none that this base model has
   */
  static AdaptedModel of(Path adapter, ModelDirectory base) {
    Optional<AdapterTask> known = AdapterTask.read(adapter);
    if (known.isPresent()) {
      return of(known.get().here().orElseThrow(() ->
          new ConfigException("%s was trained for task \"%s\", which is not on the class path; there are: %s"
          .formatted(adapter, known.get().task(), String.join(", ", RecipeKeys.tasks().keySet())))).on(base, known.get().labels()),
          known.get().labels());
    }
    if (PeftFormat.isGguf(adapter)) {
      // Such a file has no head of its own: it is for what a GGUF file holds, a language model or an encoder.
      Architecture architecture = base.architecture();
      boolean words = architecture.facts().classes().containsKey(Head.LanguageModel.class)
          && architecture.rowsOf(new Head.LanguageModel()) == Rows.LAST;
      return new AdaptedModel(new Model(architecture, words ? new Head.LanguageModel() : new Head.None()), "", List.of(), Optional.empty());
    }
    Map<String, Object> config = PeftFormat.config(adapter);
    try (Checkpoint tensors = Checkpoint.open(PeftFormat.weights(adapter))) {
      return of(tensors, AdapterParameter.PREFIX, config, base);
    }
  }

  /** What tensors were trained on, whose names begin with {@code start}; config is PEFT's. */
  static AdaptedModel of(Checkpoint tensors, String start, Map<String, Object> config, ModelDirectory base) {
    Architecture architecture = config.get("layer_replication") == null ? base.architecture()
        : base.architecture().replicated(LoraConfig.ofPeft(config).reach().layerReplication());
    Optional<Object> type = Optional.ofNullable(config.get("task_type")).filter(t -> !t.equals(""));
    Class<? extends Head> told = type.isPresent() ? ofTaskType(tensors, type.get(), architecture) : untold(tensors, start, architecture, base);
    String inBase = architecture.facts().prefix();
    boolean under = tensors.names().stream().anyMatch(name -> name.startsWith(start + inBase));
    // Names inside a base model that stands under a head: PEFT has no task_type for some heads, and people write this one for them.
    Class<? extends Head> kind = told == Head.None.class && under ? named(architecture, base).orElse(told) : told;
    if (kind == Head.None.class) {
      return new AdaptedModel(new Model(architecture, new Head.None()), under ? inBase : "", List.of(), Optional.empty());
    }
    if (kind == Head.QuestionAnswering.class || kind == Head.LanguageModel.class) {
      Head head = kind == Head.LanguageModel.class ? new Head.LanguageModel() : new Head.QuestionAnswering();
      return new AdaptedModel(new Model(architecture, head), "", List.of(), Optional.empty());
    }
    boolean sequences = kind == Head.SequenceClassification.class;
    String layer = start + new Model(architecture, classifier(sequences, 1)).logitsModule().orElseThrow() + ".weight";
    List<String> names = base.config().labels();
    int labels = tensors.names().contains(layer) ? Math.toIntExact(tensors.info(layer).shape().getFirst()) : names.size();
    if (labels == 0) {
      throw new ConfigException("%s has no %s, and %s no id2label: for how many labels the adapter is cannot be known".formatted(
          tensors.describe(), layer, base.config().source()));
    }
    boolean same = names.size() == labels;
    Optional<String> problem = !sequences ? Optional.empty() : same && base.config().has("problem_type")
        ? Optional.of(base.config().text("problem_type")) : labels == 1 ? Optional.of("regression") : Optional.empty();
    return new AdaptedModel(new Model(architecture, classifier(sequences, labels)), "", same ? names : List.of(), problem);
  }

  private static Head classifier(boolean sequences, int labels) {
    return sequences ? new Head.SequenceClassification(labels) : new Head.TokenClassification(labels);
  }

  private static Class<? extends Head> ofTaskType(Checkpoint tensors, Object type, Architecture architecture) {
    if (type.equals(architecture.readsSource() ? "CAUSAL_LM" : "SEQ_2_SEQ_LM")) {
      throw new ConfigException("%s: task_type \"%s\" does not fit model_type \"%s\", which makes %s".formatted(tensors.describe(), type,
          architecture.modelType(), architecture.readsSource() ? "a text from another" : "no text from another"));
    }
    return switch (String.valueOf(type)) {
      case "SEQ_CLS" -> Head.SequenceClassification.class;
      case "TOKEN_CLS" -> Head.TokenClassification.class;
      case "QUESTION_ANS" -> Head.QuestionAnswering.class;
      case "CAUSAL_LM", "SEQ_2_SEQ_LM" -> Head.LanguageModel.class;
      case "FEATURE_EXTRACTION" -> Head.None.class;
      default -> throw new ConfigException(("%s: task_type \"%s\" is not supported; SEQ_CLS, TOKEN_CLS, QUESTION_ANS, CAUSAL_LM, SEQ_2_SEQ_LM and "
          + "FEATURE_EXTRACTION are").formatted(tensors.describe(), type));
    };
  }

  /** Without a task_type: the only kind whose layer of logits the tensors hold, or the class that the base's config.json names. */
  private static Class<? extends Head> untold(Checkpoint tensors, String start, Architecture architecture, ModelDirectory base) {
    Map<Class<? extends Head>, String> classes = architecture.facts().classes();
    List<Class<? extends Head>> held = Stream.<Head>of(new Head.SequenceClassification(1), new Head.TokenClassification(1),
        new Head.QuestionAnswering(), new Head.LanguageModel()).filter(head -> classes.containsKey(head.getClass()))
        .filter(head -> new Model(architecture, head).logitsModule().filter(layer -> tensors.names().contains(start + layer + ".weight"))
            .isPresent()).<Class<? extends Head>>map(Head::getClass).toList();
    if (held.size() == 1) {
      return held.getFirst();
    }
    Optional<Class<? extends Head>> ofBase = named(architecture, base).filter(kind -> held.isEmpty() || held.contains(kind));
    if (ofBase.isEmpty() && held.isEmpty()) {
      // A decoder's files hold its output layer; an encoder's need no head.
      return classes.containsKey(Head.LanguageModel.class) && architecture.rowsOf(new Head.LanguageModel()) == Rows.LAST
          ? Head.LanguageModel.class : Head.None.class;
    }
    return ofBase.orElseThrow(() ->
        new ConfigException(("%s: no task_type says what the head in the tensors is, which may be that of %s; set task_type to "
        + "SEQ_CLS or TOKEN_CLS in adapter_config.json (of loralib's files: --task_type)").formatted(tensors.describe(),
        held.stream().map(classes::get).sorted().toList())));
  }

  /** The head of the class that the base's config.json names. */
  private static Optional<Class<? extends Head>> named(Architecture architecture, ModelDirectory base) {
    String name = base.config().json().path("architectures").path(0).asText("");
    return architecture.facts().classes().entrySet().stream().filter(e -> e.getValue().equals(name))
        .<Class<? extends Head>>map(Map.Entry::getKey).findFirst();
  }

  /** PEFT's name of the kind of head; empty where PEFT has none. */
  Optional<TaskType> taskType() {
    return switch (model.head()) {
      case Head.SequenceClassification of -> Optional.of(TaskType.SEQ_CLS);
      case Head.TokenClassification of -> Optional.of(TaskType.TOKEN_CLS);
      case Head.None none -> Optional.of(TaskType.FEATURE_EXTRACTION);
      case Head.QuestionAnswering answers -> Optional.of(TaskType.QUESTION_ANS);
      case Head.LanguageModel words when model.architecture().readsSource() -> Optional.of(TaskType.SEQ_2_SEQ_LM);
      case Head.LanguageModel words when model.architecture().rowsOf(words) == Rows.LAST -> Optional.of(TaskType.CAUSAL_LM);
      case Head.LanguageModel words -> Optional.empty();
    };
  }

  /** What an adapter needs to know of the model. */
  ModelDescription description() {
    ModelDescription plain = RecordedTask.describe(model);
    return prefix.isEmpty() ? plain : new ModelDescription(plain.modelType(), plain.modules().stream().map(this::prefixed).toList(),
        plain.outputModule(), plain.tied(), plain.places(), plain.gguf());
  }

  private ModuleInfo prefixed(ModuleInfo module) {
    return new ModuleInfo(prefix + module.name(), module.kind(), module.in(), module.out(), module.bias(), module.convolution());
  }

  /** Names of the classes with Hugging Face's where nobody knows them; empty for heads without classes. */
  List<String> classes() {
    int count = switch (model.head()) {
      case Head.SequenceClassification of -> of.labels();
      case Head.TokenClassification of -> of.labels();
      case Head.None none -> 0;
      case Head.QuestionAnswering answers -> 0;
      case Head.LanguageModel words -> 0;
    };
    return IntStream.range(0, count).mapToObj(i -> i < labels.size() ? labels.get(i) : FIRST + i).toList();
  }
}
