package io.github.lora4j.serve.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.train.DataPreview;
import io.github.lora4j.train.TokenizedRows;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recipe.RecipeBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Which tokens of a data file are learnt, as {@code lora4j data} shows. */
final class Masks {

  private static final int MOST = 50;

  private final Workspace workspace;
  private final Path model;

  Masks(Workspace workspace, Path model) {
    this.workspace = workspace;
    this.model = model;
  }

  void show(Call call) throws IOException {
    Fields body = new Fields(call.json(), "");
    Path file = workspace.file("file", body.required("file"));
    String task = body.text("task").filter(name -> !name.isEmpty()).orElseGet(() -> DataPreview.taskFor(file));
    int show = body.whole("show", 1, MOST).orElse(5);
    body.end();
    RecipeBuilder recipe = new RecipeBuilder().set("data.train", file.toString()).set("output", "nothing-is-written").set("model", model.toString())
        .set("task", task);
    DataPreview preview = DataPreview.of(recipe.build());
    ObjectNode root = Json.object().put("task", task).put("examples", preview.rows().data().size()).put("tokens", preview.rows().data().tokens())
        .put("learnt", preview.rows().learnt());
    ArrayNode shown = root.putArray("shown");
    for (Example example : preview.rows().data().examples().stream().limit(show).toList()) {
      List<Target.TokenLabels> labels = TokenizedRows.labels(example);
      for (int s = 0; s < example.sequences().size(); s++) {
        Sequence sequence = example.sequences().get(s);
        ObjectNode one = shown.addObject().put("cut", sequence.cut());
        ArrayNode tokens = one.putArray("tokens");
        ArrayNode learnt = one.putArray("learnt");
        for (int t = 0; t < sequence.length(); t++) {
          tokens.add(preview.tokenizer().token(sequence.ids()[t]));
          // The first token has nothing before it that could predict it.
          learnt.add(t > 0 && s < labels.size() && labels.get(s).counted()[t]);
        }
      }
    }
    call.send(200, root);
  }
}
